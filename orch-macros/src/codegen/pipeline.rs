//! `pipeline!`: a chain of stages, each awaited in turn.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, Token};

use super::{Context, expression, own, unparsed};
use crate::check;
use crate::diag::{Errors, Problem};
use crate::ir::{Awaited, Route, Shape, Step, nodes};
use crate::parse::input::Input;
use crate::parse::policy::{self, Policies};

/// A stage as written: its policies and what is called.
struct StageSyntax {
    attrs: Vec<Attribute>,
    expr: Expr,
}

impl Parse for StageSyntax {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        Ok(Self { attrs, expr: input.parse()? })
    }
}

type Stages = Punctuated<StageSyntax, Token![,]>;

/// The expansion of `pipeline!(..)`.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input = Input::split(input);
    let mut errors = Errors::default();
    let Some(stages) = input.parse(|input: ParseStream| Stages::parse_terminated(input), &mut errors) else {
        return unparsed(&input.tokens, &errors);
    };
    let mut steps = Vec::new();
    flatten(stages, &mut steps, &input.krate, &mut errors);
    if steps.is_empty() {
        errors.push(TokenStream::new(), &Problem::NoStages);
        return unparsed(&TokenStream::new(), &errors);
    }
    expression(&Context::standalone(&input.krate).pipeline(&mut steps), &errors)
}

/// The name a value has between two stages, spanned at the stage that gave it: rustc then labels a mismatch
/// with both stages.
fn value_from(stage: Span) -> Ident {
    Ident::new("__value", Span::mixed_site().located_at(stage))
}

/// A pipeline in a pipeline is its stages.
fn flatten(stages: Stages, steps: &mut Vec<(Step, Ident)>, krate: &TokenStream, errors: &mut Errors) {
    for mut stage in stages {
        if let Expr::Macro(mac) = &stage.expr
            && nodes::is_macro(mac, "pipeline")
            && let Ok(inner) = syn::parse::Parser::parse2(Stages::parse_terminated, mac.mac.tokens.clone())
        {
            for attr in &stage.attrs {
                let policy = attr.path().to_token_stream().to_string();
                errors.push(attr.path(), &Problem::PolicyOnPipeline { policy });
            }
            flatten(inner, steps, krate, errors);
            continue;
        }
        policy::refuse_conditions(&stage.attrs, errors);
        let policies = Policies::take(&mut stage.attrs, errors);
        let incoming = value_from(steps.last().map_or_else(|| stage.expr.span(), |(step, _)| step.span));
        let span = stage.expr.span();
        let name = stage_name(&stage.expr);
        let call = call(stage.expr, &incoming, krate, errors);
        let explicit = policies.name.is_some();
        let mut step = nodes::future_step(call, policies, errors);
        match &mut step.awaited {
            Awaited::Route(route) => fill_route(route, &incoming, errors),
            Awaited::FanOut(fan_out) => fill_shape(&mut fan_out.shape, &incoming, errors),
            Awaited::Call(_) => {}
        }
        step.span = span;
        if let Some(name) = name.filter(|_| !explicit) {
            step.name = name;
        }
        steps.push((step, incoming));
    }
}

fn stage_name(stage: &Expr) -> Option<String> {
    match stage {
        Expr::Closure(closure) => Some(nodes::name_of_call(&closure.body, Some("stage"))),
        Expr::Macro(_) => None,
        other => Some(nodes::name_of_call(other, Some("stage"))),
    }
}

/// The call a stage stands for, with the incoming value in its place.
fn call(mut stage: Expr, incoming: &Ident, krate: &TokenStream, errors: &mut Errors) -> Expr {
    match &stage {
        Expr::Path(_) => syn::parse_quote_spanned!(stage.span()=> #stage(#incoming)),
        Expr::Closure(_) => Expr::Verbatim(quote!(#krate::__private::call(#incoming, #stage))),
        Expr::Macro(mac) if nodes::is_macro(mac, "route") || nodes::is_macro(mac, "fan_out") => stage,
        _ => {
            if !Incoming(incoming).fill(&mut stage) {
                errors.push(&stage, &Problem::StageNeedsHole);
            }
            stage
        }
    }
}

/// Puts the incoming value where the user wrote `_`.
struct Incoming<'a>(&'a Ident);

impl Incoming<'_> {
    fn fill(&self, expr: &mut Expr) -> bool {
        let mut filler = Filler { value: self.0, filled: false };
        filler.visit_expr_mut(expr);
        filler.filled
    }
}

struct Filler<'a> {
    value: &'a Ident,
    filled: bool,
}

impl VisitMut for Filler<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Expr::Infer(hole) = expr {
            let value =
                Ident::new(&self.value.to_string(), self.value.span().located_at(hole.underscore_token.span));
            *expr = syn::parse_quote!(#value);
            self.filled = true;
        } else {
            visit_mut::visit_expr_mut(self, expr);
        }
    }
}

fn fill_route(route: &mut Route, incoming: &Ident, errors: &mut Errors) {
    check::route(route, errors);
    Incoming(incoming).fill(&mut route.scrutinee.expr);
    for arm in &mut route.arms {
        fill_step(&mut arm.step, incoming, errors);
    }
}

fn fill_shape(shape: &mut Shape, incoming: &Ident, errors: &mut Errors) {
    check::shape(shape, errors);
    match shape {
        Shape::Named(branches) | Shape::Struct(_, branches) => {
            for branch in branches {
                fill_step(&mut branch.step, incoming, errors);
            }
        }
        Shape::Map(map) => {
            Incoming(incoming).fill(&mut map.over.expr);
            fill_step(&mut map.step, incoming, errors);
        }
    }
}

fn fill_step(step: &mut Step, incoming: &Ident, errors: &mut Errors) {
    match &mut step.awaited {
        Awaited::Call(code) => {
            Incoming(incoming).fill(&mut code.expr);
        }
        Awaited::Route(route) => fill_route(route, incoming, errors),
        Awaited::FanOut(fan_out) => fill_shape(&mut fan_out.shape, incoming, errors),
    }
}

impl Context {
    fn pipeline(&self, steps: &mut [(Step, Ident)]) -> TokenStream {
        let krate = &self.krate;
        let held = own("__held");
        let first = steps.first().map(|(_, incoming)| incoming.clone());
        let mut body = TokenStream::new();
        for (step, _) in steps.iter() {
            let value = self.step(step, true);
            let given = value_from(step.span);
            body.extend(quote!(let #given = #value;));
        }
        let last = steps.last().map(|(step, _)| value_from(step.span));
        let plan = self.pipeline_plan(steps);
        let mut written = Vec::new();
        for (step, _) in steps.iter() {
            step.each_step(&mut |step| written.extend(step.written()));
        }
        let imports = super::imports(written.into_iter());
        quote! {
            #krate::__private::Pipeline::new(
                |#first| {
                    let #held = #krate::__private::Held::new(#first);
                    async {
                        let #first = #held.into_value();
                        #body
                        ::core::result::Result::Ok::<_, #krate::Error>(#last)
                    }
                },
                const {
                    #imports
                    &#krate::plan::Plan { name: "pipeline", deadline_ms: ::core::option::Option::None, graph: #plan }
                },
            )
        }
    }
}
