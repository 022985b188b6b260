//! Graph to Rust. Infallible: what could go wrong has been said before.
//!
//! The order of the tokens is part of the contract with editors: what the user wrote comes first and in the
//! same places whether or not it is complete, generated data after it, errors last.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::quote;

pub(crate) mod attempt;
pub(crate) mod block;
pub(crate) mod derive;
pub(crate) mod elided;
pub(crate) mod event;
pub(crate) mod fan_out;
pub(crate) mod join;
pub(crate) mod pipeline;
pub(crate) mod plan;
pub(crate) mod route;
pub(crate) mod step;
pub(crate) mod tool;
pub(crate) mod workflow;

use crate::diag::Errors;
use crate::parse::repair;

/// What every piece of generated code needs to know about where it stands.
#[derive(Clone)]
pub(crate) struct Context {
    /// The path of orch-core.
    pub(crate) krate: TokenStream,
    /// The type errors become on their way out.
    pub(crate) error: TokenStream,
    /// What takes an error on its way out: names its step, and tells the observer.
    pub(crate) fault: Fault,
    /// Whether an observer is in scope, as it is in a workflow.
    pub(crate) observed: bool,
    /// The names of the steps around this one, for error paths: `draft/`.
    pub(crate) prefix: String,
}

/// What names the step of an error. One function for a whole workflow costs the compiler less than the same code at
/// each step.
#[derive(Clone)]
pub(crate) enum Fault {
    /// A function.
    Function(TokenStream),
    /// The code in place: where the type of the error depends on generics that a function would have to repeat.
    InPlace,
}

/// A name of ours that no name of the user's can clash with.
pub(crate) fn own(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// `Some(value)` or `None`.
pub(crate) fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// Replaces each identifier that `fill` knows by the tokens it gives.
pub(crate) fn substitute(tokens: TokenStream, fill: &dyn Fn(&str) -> Option<TokenStream>) -> TokenStream {
    let mut filled = TokenStream::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => match fill(&ident.to_string()) {
                Some(replacement) => filled.extend(replacement),
                None => filled.extend([TokenTree::Ident(ident)]),
            },
            TokenTree::Group(group) => {
                let mut copy = Group::new(group.delimiter(), substitute(group.stream(), fill));
                copy.set_span(group.span());
                filled.extend([TokenTree::Group(copy)]);
            }
            other => filled.extend([other]),
        }
    }
    filled
}

/// Uses the imports of macros that were read as part of the graph and so never expand.
pub(crate) fn imports<'a>(paths: impl Iterator<Item = &'a syn::Path>) -> TokenStream {
    let mut paths: Vec<TokenStream> = paths.map(|path| quote!(#path)).collect();
    paths.sort_by_key(ToString::to_string);
    paths.dedup_by_key(|path| path.to_string());
    quote!(#(#[allow(unused_imports)] use #paths as _;)*)
}

/// An expansion in expression position: the errors come last, and the shape is the same with and without them.
pub(crate) fn expression(value: &TokenStream, errors: &Errors) -> TokenStream {
    if errors.is_empty() {
        return repair::strip_gaps(quote!((#value)), errors.gaps);
    }
    let emitted = errors.emit(&quote!(,));
    repair::strip_gaps(quote!((#value, #emitted).0), errors.gaps)
}

/// What remains of an expression that cannot be understood at all: the user's tokens, so that an editor still
/// completes in them, and the errors.
pub(crate) fn unparsed(tokens: &TokenStream, errors: &Errors) -> TokenStream {
    let errors = errors.emit(&quote!(,));
    if tokens.is_empty() { quote!((#errors)) } else { quote!((#tokens, #errors)) }
}

/// The same tokens, shown at `at` when rustc has something to say about them.
pub(crate) fn shown_at(tokens: &TokenStream, at: Span) -> TokenStream {
    tokens
        .clone()
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(at));
            token
        })
        .collect()
}

/// Expansions as a reviewer reads them. `cargo insta review` accepts a change.
#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;

    fn shown(source: &str) -> String {
        let input: TokenStream = format!("orch_core; {source}").parse().unwrap();
        let expansion = super::workflow::expand(input);
        prettyplease::unparse(&syn::parse2(expansion).unwrap())
    }

    #[test]
    fn the_document_graph() {
        insta::assert_snapshot!(shown(
            "/// Reads a document.
             pub async fn read(document: &Document) -> Result<Report> {
                 let text = extract(document).await?;
                 let class = classify(&text).await?;
                 let entities = entities(&text).await?;
                 let summary = summarise(&class, &text).await?;
                 let report = validate(&entities, &summary).await?;
                 Ok(report)
             }"
        ));
    }

    #[test]
    fn policies_and_a_route() {
        insta::assert_snapshot!(shown(
            "async fn answer(desk: &Desk, ticket: Ticket) -> Result<Reply> {
                 #[retry(3, backoff = 200ms..5s)]
                 #[timeout(10s)]
                 let notes = desk.search(&ticket.text).await?;
                 route!(match desk.decide(&ticket) {
                     Intent::Billing => billing(desk, &notes),
                     #[flow]
                     Intent::Other => general(desk, &notes),
                 })
                 .await
             }"
        ));
    }
}
