//! Futures to nodes: what is awaited is a call, a route or a fan-out.

use proc_macro2::Ident;
use syn::spanned::Spanned;
use syn::{Expr, ExprMacro, Member, Stmt};

use crate::diag::{Errors, Problem};
use crate::ir::build::{attributes_of, code};
use crate::ir::{Arm, Awaited, Branch, Code, FanOut, Map, Route, Shape, Step};
use crate::parse::fan_out::FanOutSyntax;
use crate::parse::policy::{self, Policies};

/// The name of the function that `call` calls.
pub(crate) fn name_of_call(call: &Expr, otherwise: Option<&str>) -> String {
    match call {
        Expr::MethodCall(call) => call.method.to_string(),
        Expr::Call(call) => name_of_call(&call.func, otherwise),
        Expr::Path(path) => {
            path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
        }
        Expr::Field(field) => match &field.member {
            Member::Named(name) => name.to_string(),
            Member::Unnamed(_) => otherwise.unwrap_or("step").to_owned(),
        },
        Expr::Paren(inner) => name_of_call(&inner.expr, otherwise),
        _ => otherwise.unwrap_or("step").to_owned(),
    }
}

/// Whether a macro is the one called `name`, by its last segment.
pub(crate) fn is_macro(mac: &ExprMacro, name: &str) -> bool {
    mac.mac.path.segments.last().is_some_and(|segment| segment.ident == name)
}

/// An expression without policies of its own.
pub(crate) fn plain_code(expr: Expr, errors: &mut Errors) -> Code {
    code(expr, Policies::default(), None, errors)
}

/// What a future expression is: one of our macros, or a call.
pub(crate) fn awaited(base: Expr, errors: &mut Errors) -> Awaited {
    let mut methods = Vec::new();
    let mut inner = &base;
    while let Expr::MethodCall(call) = inner {
        methods.push((call.method.clone(), call.args.iter().cloned().collect()));
        inner = &call.receiver;
    }
    methods.reverse();
    match inner {
        Expr::Macro(mac) if is_macro(mac, "route") && methods.is_empty() => {
            match syn::parse2(mac.mac.tokens.clone()) {
                Ok(Expr::Match(matching)) => {
                    Awaited::Route(Route { written: Some(mac.mac.path.clone()), ..route(matching, errors) })
                }
                _ => Awaited::Call(plain_code(base, errors)),
            }
        }
        Expr::Macro(mac) if is_macro(mac, "fan_out") => match syn::parse2(mac.mac.tokens.clone()) {
            Ok(syntax) => Awaited::FanOut(FanOut {
                written: mac.mac.path.clone(),
                shape: shape(syntax, errors),
                methods,
            }),
            Err(_) => Awaited::Call(plain_code(base, errors)),
        },
        _ => Awaited::Call(plain_code(base, errors)),
    }
}

/// The route of a `match`.
pub(crate) fn route(matching: syn::ExprMatch, errors: &mut Errors) -> Route {
    let arms = matching
        .arms
        .into_iter()
        .map(|mut arm| {
            let policies = Policies::take(&mut arm.attrs, errors);
            let step = future_step(*arm.body, policies, errors);
            Arm { attrs: arm.attrs, pat: arm.pat, fat_arrow: arm.fat_arrow_token, step }
        })
        .collect();
    Route {
        written: None,
        scrutinee: plain_code(*matching.expr, errors),
        match_token: matching.match_token,
        brace: matching.brace_token,
        arms,
    }
}

/// The branches of a fan-out.
pub(crate) fn shape(syntax: FanOutSyntax, errors: &mut Errors) -> Shape {
    match syntax {
        FanOutSyntax::Named(branches) => Shape::Named(
            branches
                .into_iter()
                .map(|mut branch| {
                    policy::refuse_conditions(&branch.attrs, errors);
                    let policies = Policies::take(&mut branch.attrs, errors);
                    let mut step = future_step(branch.future, policies, errors);
                    let name = branch.field.to_string();
                    if syn::parse_str::<Ident>(&name).is_err() {
                        errors.push(&branch.field, &Problem::KeywordField { name: name.clone() });
                        branch.field = Ident::new(&format!("{name}_"), branch.field.span());
                    }
                    rename(&mut step, &branch.field);
                    Branch { field: branch.field, step }
                })
                .collect(),
        ),
        FanOutSyntax::Struct(literal) => {
            if let Some(dots) = &literal.dot2_token {
                errors.push(dots, &Problem::FunctionalUpdate);
            }
            let branches = literal
                .fields
                .into_iter()
                .filter_map(|mut field| {
                    policy::refuse_conditions(&field.attrs, errors);
                    let policies = Policies::take(&mut field.attrs, errors);
                    let Member::Named(name) = field.member else {
                        return None;
                    };
                    let mut step = future_step(field.expr, policies, errors);
                    rename(&mut step, &name);
                    Some(Branch { field: name, step })
                })
                .collect();
            Shape::Struct(literal.path, branches)
        }
        FanOutSyntax::Map(looped) => {
            let mut before = looped.body.stmts;
            let mut future = match before.pop() {
                Some(Stmt::Expr(future, None)) => future,
                other => {
                    before.extend(other);
                    syn::parse_quote_spanned!(looped.body.brace_token.span.close()=> ())
                }
            };
            // On the loop or on the call: there is one call, so both mean the same.
            let mut attrs = looped.attrs;
            attrs.extend(attributes_of(&mut future).map(std::mem::take).unwrap_or_default());
            let policies = Policies::take(&mut attrs, errors);
            let step = future_step(future, policies, errors);
            Shape::Map(Box::new(Map {
                pat: *looped.pat,
                over: plain_code(*looped.expr, errors),
                before,
                step,
            }))
        }
    }
}

fn rename(step: &mut Step, field: &Ident) {
    if step.policies.name.is_none() {
        step.name = field.to_string();
    }
}

/// The step of an expression that is itself a future, as in an arm or a branch.
pub(crate) fn future_step(future: Expr, policies: Policies, errors: &mut Errors) -> Step {
    let span = future.span();
    let awaited = awaited(future, errors);
    let name = match (&policies.name, &awaited) {
        (Some(name), _) => name.value(),
        (None, Awaited::Call(code)) => name_of_call(&code.expr, None),
        (None, Awaited::Route(_)) => "route".to_owned(),
        (None, Awaited::FanOut(_)) => "fan_out".to_owned(),
    };
    Step { name, policies, awaited, adapt: None, question: None, place: Vec::new(), span }
}
