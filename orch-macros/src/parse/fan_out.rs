//! The inside of `fan_out!(..)`.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprForLoop, ExprStruct, Ident, Token};

/// What stands between the parentheses.
pub(crate) enum FanOutSyntax {
    Named(Vec<NamedBranch>),
    Struct(ExprStruct),
    Map(ExprForLoop),
}

/// `#[policy] field = future`
pub(crate) struct NamedBranch {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) field: Ident,
    pub(crate) future: Expr,
}

impl Parse for NamedBranch {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let field = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        Ok(Self { attrs, field, future: input.parse()? })
    }
}

impl Parse for FanOutSyntax {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        if input.is_empty() {
            return Ok(Self::Named(Vec::new()));
        }
        let fork = input.fork();
        if fork.call(Attribute::parse_outer).is_ok() && fork.peek(Token![for]) {
            let attrs = input.call(Attribute::parse_outer)?;
            let mut looped: ExprForLoop = input.parse()?;
            looped.attrs = attrs;
            return Ok(Self::Map(looped));
        }
        if input.peek(Token![#]) || (input.peek(syn::Ident) && input.peek2(Token![=])) {
            let branches = Punctuated::<NamedBranch, Token![,]>::parse_terminated(input)?;
            return Ok(Self::Named(branches.into_iter().collect()));
        }
        match input.parse::<Expr>()? {
            Expr::Struct(literal) => Ok(Self::Struct(literal)),
            other => Err(syn::Error::new_spanned(
                other,
                "a branch needs a name\nwrite `fan_out!(risk = risk(&doc), mood = mood(&doc))`",
            )),
        }
    }
}
