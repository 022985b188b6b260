//! Names that stand for references where the user wrote values.

use std::collections::HashSet;

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::quote_spanned;

use crate::ir::uses::name_of;

/// Replaces each use of a name in `lent` by `(*name)`: not fields, methods, path segments, or the names a
/// `let` or a struct literal declares.
pub(crate) fn dereference(tokens: TokenStream, lent: &HashSet<String>) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let punct = |index: Option<usize>, wanted: char| matches!(index.and_then(|index| tokens.get(index)), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    let mut out = TokenStream::new();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                let mut copy = Group::new(group.delimiter(), dereference(group.stream(), lent));
                copy.set_span(group.span());
                out.extend([TokenTree::Group(copy)]);
            }
            TokenTree::Ident(ident) if lent.contains(&name_of(ident)) => {
                let before = index.checked_sub(1);
                let member = punct(before, '.') && !punct(index.checked_sub(2), '.');
                let path = punct(before, ':') && punct(index.checked_sub(2), ':')
                    || punct(Some(index + 1), ':') && punct(Some(index + 2), ':');
                let field = punct(Some(index + 1), ':') && !path;
                let declared = matches!(before.map(|before| &tokens[before]), Some(TokenTree::Ident(word)) if word == "let" || word == "mut");
                if member || path || field || declared {
                    out.extend([token.clone()]);
                } else {
                    out.extend(quote_spanned!(ident.span()=> (*#ident)));
                }
            }
            other => out.extend([other.clone()]),
        }
    }
    out
}
