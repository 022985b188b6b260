//! What the fuzz targets share: the macros as functions, and programs that are nearly right.
//!
//! A proc-macro crate cannot be linked, so its modules are compiled here again from their files.

#![allow(dead_code, unreachable_pub, reason = "the modules are written for another crate")]

#[path = "../../orch-macros/src/check/mod.rs"]
mod check;
#[path = "../../orch-macros/src/codegen/mod.rs"]
mod codegen;
#[path = "../../orch-macros/src/diag.rs"]
mod diag;
#[path = "../../orch-macros/src/ir/mod.rs"]
mod ir;
#[path = "../../orch-macros/src/lower/mod.rs"]
mod lower;
#[path = "../../orch-macros/src/parse/mod.rs"]
mod parse;

mod mutate;

use proc_macro2::TokenStream;

/// A macro.
#[derive(Clone, Copy, Debug)]
pub enum Macro {
    /// `workflow!`
    Workflow,
    /// `route!`
    Route,
    /// `fan_out!`
    FanOut,
    /// `pipeline!`
    Pipeline,
    /// `#[derive(Route)]`
    Derive,
}

impl Macro {
    /// Programs that are right, one after each line of dashes.
    fn seeds(self) -> Vec<&'static str> {
        let text = match self {
            Self::Workflow => include_str!("../seeds/workflow.rs.txt"),
            Self::Route => include_str!("../seeds/route.rs.txt"),
            Self::FanOut => include_str!("../seeds/fan_out.rs.txt"),
            Self::Pipeline => include_str!("../seeds/pipeline.rs.txt"),
            Self::Derive => include_str!("../seeds/derive.rs.txt"),
        };
        text.split("----\n").collect()
    }

    fn expand(self, input: TokenStream) -> TokenStream {
        let facade = || -> TokenStream {
            let input = input.clone();
            quote::quote!(::orch_core; #input)
        };
        match self {
            Self::Workflow => codegen::workflow::expand(facade()),
            Self::Route => codegen::route::expand(facade()),
            Self::FanOut => codegen::fan_out::expand(facade()),
            Self::Pipeline => codegen::pipeline::expand(facade()),
            Self::Derive => codegen::derive::expand(input),
        }
    }

    /// Expands a program that `data` has damaged. It must not panic. Where no error is reported, what comes out is
    /// Rust.
    ///
    /// # Panics
    ///
    /// When the macro does, or gives what does not parse and says nothing.
    pub fn try_damaged(self, data: &[u8]) {
        let Some(input) = mutate::damaged(&self.seeds(), data) else { return };
        let said = input.to_string();
        let output = self.expand(input);
        let text = output.to_string();
        // A gap is left as a gap: rustc itself says what is missing.
        if text.contains("compile_error") || parses(self, output) || !parses_as_input(self, &said) {
            return;
        }
        panic!("no error, and no Rust:\n{said}\n=>\n{text}");
    }
}

fn parses(kind: Macro, output: TokenStream) -> bool {
    match kind {
        Macro::Workflow | Macro::Derive => syn::parse2::<syn::File>(output).is_ok(),
        Macro::Route | Macro::FanOut | Macro::Pipeline => syn::parse2::<syn::Expr>(output).is_ok(),
    }
}

/// Whether the damaged program is still Rust: of one that is not, the expansion keeps the user's tokens.
fn parses_as_input(kind: Macro, input: &str) -> bool {
    match kind {
        Macro::Workflow | Macro::Derive => syn::parse_str::<syn::File>(input).is_ok(),
        Macro::Route => syn::parse_str::<syn::Expr>(input).is_ok(),
        Macro::FanOut | Macro::Pipeline => syn::parse_str::<syn::Expr>(&format!("f({input})")).is_ok(),
    }
}
