//! Lifetimes that a signature leaves out.
//!
//! `async fn find(desk: &Desk) -> Result<&str>` means one lifetime, because there is only one it could mean. The ways to
//! run a workflow watched take an observer by reference too, so there the lifetime must have a name.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, Lifetime, ReturnType, Signature, TypeFnPtr, TypeReference};

/// Gives the lifetime that the output leaves out the name it stands for. Gives the name, if it is a new one.
pub(crate) fn name_the_one(sig: &mut Signature) -> Option<Lifetime> {
    let mut output = Found::default();
    output.visit_return_type(&sig.output);
    let mut inputs = Found::default();
    sig.inputs.iter().for_each(|input| inputs.visit_fn_arg(input));
    inputs.named.sort();
    inputs.named.dedup();
    if output.elided == 0 {
        return None;
    }
    match (inputs.elided, inputs.named.as_slice()) {
        (0, [only]) => {
            let only = only.clone();
            Name(only).visit_return_type_mut(&mut sig.output);
            None
        }
        (1, []) => {
            let name = Lifetime::new("'__input", Span::mixed_site());
            let mut writer = Name(name.clone());
            writer.visit_return_type_mut(&mut sig.output);
            for input in &mut sig.inputs {
                if let FnArg::Typed(typed) = input {
                    writer.visit_type_mut(&mut typed.ty);
                }
            }
            Some(name)
        }
        // As in any function, there is then nothing it could mean; rustc says so at the function itself.
        _ => None,
    }
}

/// The lifetimes in a type, named and not.
#[derive(Default)]
struct Found {
    elided: usize,
    named: Vec<Lifetime>,
}

impl<'ast> Visit<'ast> for Found {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.elided += usize::from(reference.lifetime.is_none());
        visit::visit_type_reference(self, reference);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        match lifetime.ident.to_string().as_str() {
            "_" => self.elided += 1,
            "static" => {}
            _ => self.named.push(lifetime.clone()),
        }
    }

    // A function's type has lifetimes of its own.
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
}

struct Name(Lifetime);

impl VisitMut for Name {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        reference.lifetime.get_or_insert_with(|| self.0.clone());
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = self.0.clone();
        }
    }

    fn visit_type_fn_ptr_mut(&mut self, _: &mut TypeFnPtr) {}
}

/// What the output is, as tokens.
pub(crate) fn output(sig: &Signature) -> TokenStream {
    match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    }
}
