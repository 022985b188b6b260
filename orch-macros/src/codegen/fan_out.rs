//! `fan_out!`: a builder that holds its branches' futures and is awaited.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::Parse as _;

use super::step::once;
use super::{Context, expression, join, own, unparsed};
use crate::check;
use crate::diag::Errors;
use crate::ir::{Branch, FanOut, Map, Shape, Step, nodes, uses};
use crate::parse::fan_out::FanOutSyntax;
use crate::parse::input::Input;

/// The expansion of `fan_out!(..)` by itself.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input = Input::split(input);
    let mut errors = Errors::default();
    let Some(syntax) = input.parse(FanOutSyntax::parse, &mut errors) else {
        return unparsed(&input.tokens, &errors);
    };
    let shape = nodes::shape(syntax, &mut errors);
    check::shape(&shape, &mut errors);
    if !errors.is_empty() && !is_sound(&shape) {
        return unparsed(&TokenStream::new(), &errors);
    }
    let context = Context::standalone(&input.krate);
    expression(&context.shape_value(&shape), &errors)
}

/// Whether the fields of a fan-out can be a struct's.
fn is_sound(shape: &Shape) -> bool {
    match shape {
        Shape::Named(branches) | Shape::Struct(_, branches) => {
            let mut names = std::collections::BTreeSet::new();
            !branches.is_empty() && branches.iter().all(|branch| names.insert(&branch.field))
        }
        Shape::Map(_) => true,
    }
}

impl Context {
    /// A fan-out with the methods called on it, inside a workflow or a pipeline.
    pub(crate) fn fan_out_value(&self, step: &Step, fan_out: &FanOut) -> TokenStream {
        // What is spawned outlives no observer: it owns all it uses.
        let spawned = fan_out.methods.iter().any(|(name, _)| name == "spawn");
        let context = Self { observed: self.observed && !spawned, ..self.clone() };
        let value = context.shape_value(&fan_out.shape);
        let methods = fan_out.methods.iter().map(|(name, args)| quote!(.#name(#(#args),*)));
        quote_spanned!(step.span=> #value #(#methods)*)
    }

    /// The builder that `fan_out!(..)` is.
    pub(crate) fn shape_value(&self, shape: &Shape) -> TokenStream {
        let krate = &self.krate;
        match shape {
            Shape::Named(branches) => {
                let names: Vec<&Ident> = branches.iter().map(|branch| &branch.field).collect();
                let types: Vec<Ident> = (0..names.len()).map(|index| format_ident!("T{index}")).collect();
                let pattern = join::balanced(&names, &|name| quote!(#name), &join::tuple);
                let tuple = join::balanced(&types, &|ty| quote!(#ty), &join::tuple);
                let branches = self.branches(branches);
                // The branches are no block's tail: what they borrow from temporaries must live until the await.
                quote! {
                    #krate::__private::FanOut::new(#branches, {
                        /// What each branch of a fan-out gave.
                        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
                        struct FanOutResults<#(#types),*> { #(#names: #types),* }
                        struct FanOutShape;
                        impl<#(#types),*> #krate::__private::Fill<#tuple> for FanOutShape {
                            type Output = FanOutResults<#(#types),*>;
                            fn fill(self, #pattern: #tuple) -> Self::Output { FanOutResults { #(#names),* } }
                        }
                        FanOutShape
                    })
                }
            }
            Shape::Struct(path, branches) => {
                let names: Vec<&Ident> = branches.iter().map(|branch| &branch.field).collect();
                let pattern = join::balanced(&names, &|name| quote!(#name), &join::tuple);
                let branches = self.branches(branches);
                quote! {
                    #krate::__private::FanOut::new(
                        #branches,
                        #krate::__private::FillWith(|#pattern| #path { #(#names),* }),
                    )
                }
            }
            Shape::Map(map) => self.map(map),
        }
    }

    fn branches(&self, branches: &[Branch]) -> TokenStream {
        self.together(branches, &|branch| self.branch(&branch.step))
    }

    /// Branches that run at the same time, as one.
    pub(crate) fn together<T>(&self, branches: &[T], branch: &dyn Fn(&T) -> TokenStream) -> TokenStream {
        let krate = &self.krate;
        join::balanced(branches, branch, &|left, right| quote!(#krate::__private::Both::new(#left, #right)))
    }

    /// A branch that is a block: it borrows, as plain code in its place would, and its errors already are those of
    /// the whole.
    pub(crate) fn block_branch(
        &self,
        body: &TokenStream,
        value: &TokenStream,
        error: &TokenStream,
    ) -> TokenStream {
        let krate = &self.krate;
        let (cx, mine) = (own("__cx"), own("__mine"));
        let fork = self.observed.then(|| quote!(let #mine = #cx.fork();));
        let take = self.observed.then(|| quote!(#[allow(unused_variables)] let #cx = #mine;));
        quote!({
            #fork
            #krate::__private::Branch::new(
                (),
                async {
                    #take
                    #body
                    ::core::result::Result::Ok::<_, #error>(#value)
                },
                #krate::__private::as_is::<#error>,
            )
        })
    }

    /// One branch: its future, and what names it when it fails.
    fn branch(&self, step: &Step) -> TokenStream {
        let krate = &self.krate;
        let (entered, error) = (own("__entered"), own("__error"));
        if !self.observed && !step.policies.change_the_call() {
            let call = self.call(step);
            let blame = self.blame(step, &quote!(#error), &once());
            return quote_spanned!(step.span=>
                #krate::__private::Branch::new((), #krate::__private::future(#call), |#entered: &(), #error| #blame)
            );
        }
        if step.is_plain_call() {
            return self.observed_branch(step);
        }
        self.block_branch(&TokenStream::new(), &self.step(step, true), &self.error)
    }

    /// A branch that is one plain call, without a block around it.
    pub(crate) fn observed_branch(&self, step: &Step) -> TokenStream {
        let krate = &self.krate;
        let (entered, error) = (own("__entered"), own("__error"));
        let enter = self.enter(step);
        let call = self.call(step);
        let blame = self.blame(step, &quote!(#error), &once());
        quote_spanned!(step.span=>
            #krate::__private::Branch::new(#enter, #krate::__private::future(#call), |#entered, #error| #blame)
        )
    }

    fn map(&self, map: &Map) -> TokenStream {
        let krate = &self.krate;
        let Map { pat, over, before, step } = map;
        let over = self.code(over);
        // Between the bars of a closure, a pattern with a bar of its own needs parentheses.
        let pat = if matches!(pat, syn::Pat::Or(_)) { quote!((#pat)) } else { quote!(#pat) };
        let branch = if step.is_plain_call() { self.branch(step) } else { self.map_block(map) };
        quote! {
            #krate::__private::FanOutMap::new(#over, |#pat| { #(#before)* #branch })
        }
    }

    /// A map's branch that is a block: it owns what the loop binds, and borrows all else.
    fn map_block(&self, map: &Map) -> TokenStream {
        let krate = &self.krate;
        let locals = map.before.iter().filter_map(|stmt| match stmt {
            syn::Stmt::Local(local) => Some(&local.pat),
            _ => None,
        });
        let mut names: Vec<(Ident, bool)> = Vec::new();
        for pat in std::iter::once(&map.pat).chain(locals) {
            for ident in uses::bound_by(pat) {
                names.retain(|(known, _)| *known != ident);
                let mutable = uses::binds_mut(pat, &ident.to_string());
                names.push((ident, mutable));
            }
        }
        let held: Vec<Ident> = (0..names.len()).map(|index| own(&format!("__held_{index}"))).collect();
        let idents: Vec<&Ident> = names.iter().map(|(ident, _)| ident).collect();
        let muts = names.iter().map(|(_, mutable)| mutable.then(|| quote!(mut)));
        let unpack = quote!(
            #(#[allow(unused_variables, unused_mut)] let #muts #idents = #held.into_value();)*
        );
        let branch = self.block_branch(&unpack, &self.step(&map.step, true), &self.error);
        quote!({
            #(let #held = #krate::__private::Held::new(#idents);)*
            #branch
        })
    }
}
