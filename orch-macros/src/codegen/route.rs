//! `route!`: in a workflow a plain `match`; alone a future with one variant per arm.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::Parse as _;
use syn::spanned::Spanned;

use super::{Context, Fault, expression, own, shown_at, unparsed};
use crate::check;
use crate::diag::{Errors, Problem};
use crate::ir::{Arm, Route, Step, nodes};
use crate::parse::input::Input;

/// The expansion of `route!(..)` by itself.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input = Input::split(input);
    let mut errors = Errors::default();
    let Some(parsed) = input.parse(syn::Expr::parse, &mut errors) else {
        return unparsed(&input.tokens, &errors);
    };
    let syn::Expr::Match(matching) = parsed else {
        errors.push(&parsed, &Problem::NotAMatch);
        return unparsed(&TokenStream::new(), &errors);
    };
    let route = nodes::route(matching, &mut errors);
    check::route(&route, &mut errors);
    let context = Context::standalone(&input.krate);
    expression(&context.route_value(&route), &errors)
}

impl Context {
    /// Where there is no workflow around: nothing observed, errors become orch-core's own.
    pub(crate) fn standalone(krate: &TokenStream) -> Self {
        Self {
            krate: krate.clone(),
            error: quote!(#krate::Error),
            fault: Fault::Function(quote!(#krate::__private::fault)),
            observed: false,
            prefix: String::new(),
        }
    }

    /// The choice, as something `match` can take: the route of a decision, or the value itself.
    fn chosen(&self, route: &Route) -> TokenStream {
        let krate = &self.krate;
        let scrutinee = self.code(&route.scrutinee);
        let span = route.scrutinee.expr.span();
        let at = span.resolved_at(Span::mixed_site());
        let krate = shown_at(krate, span);
        if self.observed {
            let entered = own("__entered");
            quote_spanned!(at=> #krate::__private::Scrutinee(&(#scrutinee)).observed(&#entered))
        } else {
            quote_spanned!(at=> #krate::__private::Scrutinee(&(#scrutinee)).chosen())
        }
    }

    fn matching(&self, route: &Route, value: impl Fn(usize, &Arm) -> TokenStream) -> TokenStream {
        let krate = &self.krate;
        let chosen = self.chosen(route);
        let arms = route.arms.iter().enumerate().map(|(index, arm)| {
            let Arm { attrs, pat, fat_arrow, .. } = arm;
            let value = value(index, arm);
            quote!(#(#attrs)* #pat #fat_arrow #value,)
        });
        let arms = quote!(#(#arms)*);
        let mut body = proc_macro2::Group::new(proc_macro2::Delimiter::Brace, arms);
        body.set_span(route.brace.span.join());
        let match_token = &route.match_token;
        let body = body.to_token_stream();
        quote!({
            #[allow(unused_imports)]
            use #krate::__private::ChosenAny as _;
            #match_token #chosen #body
        })
    }

    /// A route inside a workflow: the arm's step in place.
    pub(crate) fn route(&self, step: &Step, route: &Route, fallible: bool) -> TokenStream {
        let krate = &self.krate;
        let (entered, value) = (own("__entered"), own("__value"));
        let enter = self.enter(step);
        let inside = Self { prefix: format!("{}{}/", self.prefix, step.name), ..self.clone() };
        let body = inside.chosen_arm(route, fallible);
        quote!({
            let #entered = #enter;
            let #value = #body;
            #krate::__private::Leave::done(#entered);
            #value
        })
    }

    /// The `match`, each arm a step inside the one that has been entered.
    fn chosen_arm(&self, route: &Route, fallible: bool) -> TokenStream {
        let (entered, cx) = (own("__entered"), own("__cx"));
        let inside = self.observed.then(|| quote!(let #cx = #entered.inside();));
        let matching = self.matching(route, |_, arm| {
            let value = self.step(&arm.step, fallible);
            quote!({ #value })
        });
        quote!({ #inside #matching })
    }

    /// A route as a future of its own, where a policy or an adapter needs one to hold on to. Where a policy looks
    /// at the result, of the whole or of an arm, the arms' errors have become the workflow's.
    pub(crate) fn route_future(&self, step: &Step, route: &Route) -> TokenStream {
        if !self.observed {
            return self.route_value(route);
        }
        let judged =
            step.policies.needs_a_result() || route.arms.iter().any(|arm| arm.step.policies.needs_a_result());
        let inside = Self { prefix: String::new(), ..self.clone() };
        let body = inside.chosen_arm(route, judged);
        if !judged {
            return quote!(async { #body });
        }
        let target = &self.error;
        quote!(async { ::core::result::Result::Ok::<_, #target>(#body) })
    }

    /// The value of `route!(..)`: an enum with a variant for each arm.
    pub(crate) fn route_value(&self, route: &Route) -> TokenStream {
        let count = route.arms.len();
        self.matching(route, |index, arm| {
            let future = self.future(&arm.step);
            self.one_of(&future, index, count)
        })
    }

    /// A step as a future: the call itself where nothing is added to it.
    pub(crate) fn future(&self, step: &Step) -> TokenStream {
        let krate = &self.krate;
        if !step.policies.change_the_call() {
            let call = self.call(step);
            return quote_spanned!(step.span=> #krate::__private::future(#call));
        }
        let target = &self.error;
        let value = self.step(step, true);
        quote!(async move { ::core::result::Result::Ok::<_, #target>(#value) })
    }

    /// Arm `index` of `count` as a variant: eight at most to an enum, and enums of enums beyond.
    fn one_of(&self, future: &TokenStream, index: usize, count: usize) -> TokenStream {
        if count <= 1 {
            return future.clone();
        }
        let krate = &self.krate;
        let groups = count.min(WIDEST);
        let size = count.div_ceil(groups);
        let (group, within) = (index / size, index % size);
        let groups = count.div_ceil(size);
        let inner = self.one_of(future, within, size.min(count - group * size));
        let name = format_ident!("OneOf{groups}");
        let variant = format_ident!("{}", char::from(b'A' + group as u8));
        quote!(#krate::__private::#name::#variant { future: #inner })
    }
}

/// The most variants of one enum in `orch_core::__private`.
const WIDEST: usize = 8;
