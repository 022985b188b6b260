//! What a façade hands over, `$crate ; tokens`, and parsing that survives half-written code.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};

use crate::diag::Errors;
use crate::parse::repair::{self, Repair};

/// The input of a function-like macro.
pub(crate) struct Input {
    /// The path of orch-core as the façade sees it.
    pub(crate) krate: TokenStream,
    /// What the user wrote.
    pub(crate) tokens: TokenStream,
}

impl Input {
    /// Splits what the façade passed at the first `;`.
    pub(crate) fn split(input: TokenStream) -> Self {
        let mut rest = input.into_iter();
        let krate = rest
            .by_ref()
            .take_while(|token| !matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';'))
            .collect();
        Self { krate, tokens: rest.collect() }
    }

    /// Parses the tokens; where they are half-written, parses what they would be with the gaps filled, so that
    /// an editor still sees the shape of the whole. The gaps are emptied again by [`repair::strip_gaps`].
    pub(crate) fn parse<T>(
        &self,
        parser: fn(ParseStream) -> syn::Result<T>,
        errors: &mut Errors,
    ) -> Option<T> {
        let error = match parser.parse2(self.tokens.clone()) {
            Ok(parsed) => return Some(parsed),
            Err(error) => error,
        };
        let Repair { tokens, gaps } = repair::fill(self.tokens.clone());
        match parser.parse2(tokens) {
            Ok(parsed) => {
                // A gap that is left empty in the expansion makes rustc itself say what is missing.
                if !gaps {
                    errors.syntax(&error);
                }
                errors.gaps = gaps;
                Some(parsed)
            }
            Err(_) => {
                errors.syntax(&error);
                None
            }
        }
    }
}
