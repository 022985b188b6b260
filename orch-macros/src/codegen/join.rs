//! Things in pairs of pairs, as balanced as can be: deep types cost the compiler dearly.

use proc_macro2::TokenStream;
use quote::quote;

/// Combines `items` two by two.
pub(crate) fn balanced<T>(
    items: &[T],
    leaf: &dyn Fn(&T) -> TokenStream,
    pair: &dyn Fn(&TokenStream, &TokenStream) -> TokenStream,
) -> TokenStream {
    match items {
        [] => quote!(()),
        [only] => leaf(only),
        _ => {
            let (left, right) = items.split_at(items.len() / 2);
            pair(&balanced(left, leaf, pair), &balanced(right, leaf, pair))
        }
    }
}

/// `(left, right)`
pub(crate) fn tuple(left: &TokenStream, right: &TokenStream) -> TokenStream {
    quote!((#left, #right))
}
