//! What rustc cannot see: the graph's own rules.

use quote::ToTokens;
use syn::{Expr, Pat};

use crate::diag::{Errors, Problem};
use crate::ir::{Arm, Awaited, Code, ControlKind, FanOut, Graph, Role, Route, Shape, Step, uses};

/// Checks a whole workflow.
pub(crate) fn workflow(graph: &Graph, errors: &mut Errors) {
    steps(graph, errors);
    graph.each_control(&mut |control| {
        if let ControlKind::Loop { max: None } = &control.kind
            && control.name != "for"
        {
            let head = match &control.expr {
                Expr::Loop(looped) => looped.loop_token.to_token_stream(),
                Expr::While(looped) => looped.while_token.to_token_stream(),
                other => other.to_token_stream(),
            };
            errors.push(head, &Problem::UnboundedLoop);
        }
        for (_, graph) in &control.graphs {
            unused(graph, errors);
        }
    });
    unused(graph, errors);
}

fn steps(graph: &Graph, errors: &mut Errors) {
    let mut found = Vec::new();
    graph.each_step(&mut |each| found.push(each));
    for each in found {
        step(each, errors);
        match &each.awaited {
            Awaited::Route(each) => route(each, errors),
            Awaited::FanOut(FanOut { shape: each, .. }) => branches(each, errors),
            Awaited::Call(_) => {}
        }
    }
}

fn step(step: &Step, errors: &mut Errors) {
    let policies = &step.policies;
    if let Some(effect) = &policies.effect {
        if !effect.idempotent
            && let Some(retry) = policies.given("retry")
        {
            errors.push(retry, &Problem::RetryOfEffect);
        }
        for (name, problem) in [("hedge", Problem::HedgeOfEffect), ("cache", Problem::CacheOfEffect)] {
            if let Some(given) = policies.given(name) {
                errors.push(given, &problem);
            }
        }
    }
    if let Some(stream) = &policies.stream {
        if !step.is_a_call() {
            errors.push(stream, &Problem::StreamNeedsCall);
        }
        if let Some(hedge) = policies.given("hedge") {
            errors.push(hedge, &Problem::HedgeOfStream);
        }
    }
    if let (Some(hedge), Some(after), Some(timeout)) =
        (policies.given("hedge"), policies.hedge, &policies.timeout)
        && timeout.attempt.or(timeout.total).is_some_and(|limit| limit <= after)
    {
        errors.push(hedge, &Problem::HedgeAfterTimeout);
    }
    if let Some(max) = policies.given("max") {
        errors.push(max, &Problem::NotAStep { policy: "max".to_owned() });
    }
    if let Some(flow) = &policies.flow {
        let is_path_call = matches!(
            &step.awaited,
            Awaited::Call(Code { expr: Expr::Call(call), .. }) if matches!(&*call.func, Expr::Path(_))
        );
        if !is_path_call {
            errors.push(flow, &Problem::FlowNeedsPath);
        }
    }
}

/// Checks a route by itself.
pub(crate) fn route(route: &Route, errors: &mut Errors) {
    if route.arms.is_empty() {
        errors.push(route.match_token, &Problem::NoArms);
    }
    for Arm { pat, step: each, .. } in &route.arms {
        pattern(pat, errors);
        step(each, errors);
    }
}

fn pattern(pat: &Pat, errors: &mut Errors) {
    match pat {
        Pat::Wild(_) => errors.push(pat, &Problem::WildcardArm),
        Pat::Ident(binding) if binding.ident == "None" => {}
        Pat::Ident(binding) if binding.subpat.is_none() => {
            errors.push(pat, &Problem::BareBinding { name: binding.ident.to_string() });
        }
        Pat::Ident(binding) => {
            if let Some((_, inner)) = &binding.subpat {
                pattern(inner, errors);
            }
        }
        Pat::Or(either) => {
            for case in &either.cases {
                pattern(case, errors);
            }
        }
        Pat::Paren(inner) => pattern(&inner.pat, errors),
        Pat::Reference(inner) => pattern(&inner.pat, errors),
        // A guarded arm, for one, does not swallow: rustc asks for an arm without the guard.
        _ => {}
    }
}

/// Checks a fan-out by itself.
pub(crate) fn shape(shape: &Shape, errors: &mut Errors) {
    branches(shape, errors);
    match shape {
        Shape::Named(all) | Shape::Struct(_, all) => {
            for branch in all {
                step(&branch.step, errors);
            }
        }
        Shape::Map(map) => step(&map.step, errors),
    }
}

fn branches(shape: &Shape, errors: &mut Errors) {
    let in_no_order = |step: &Step, errors: &mut Errors| {
        if let Some(effect) = step.policies.given("effect") {
            errors.push(effect, &Problem::EffectInFanOut);
        }
    };
    let all = match shape {
        Shape::Named(branches) | Shape::Struct(_, branches) => branches,
        Shape::Map(map) => return in_no_order(&map.step, errors),
    };
    for branch in all {
        in_no_order(&branch.step, errors);
    }
    if all.is_empty() {
        let at = match shape {
            Shape::Struct(path, _) => path.to_token_stream(),
            _ => proc_macro2::TokenStream::new(),
        };
        errors.push(at, &Problem::NoBranches);
    }
    for (index, branch) in all.iter().enumerate() {
        if all[..index].iter().any(|earlier| earlier.field == branch.field) {
            errors.push(&branch.field, &Problem::DuplicateField { name: branch.field.to_string() });
        }
    }
}

/// A step whose value nobody uses.
fn unused(graph: &Graph, errors: &mut Errors) {
    for (index, item) in graph.items.iter().enumerate() {
        let Role::Let { pat: Pat::Ident(pat), .. } = &item.role else {
            continue;
        };
        let name = uses::name_of(&pat.ident);
        if !item.code.awaits() || name.starts_with('_') {
            continue;
        }
        let used =
            graph.items[index + 1..].iter().any(|later| later.uses.iter().any(|used| used.name == name));
        if !used {
            errors.push(&pat.ident, &Problem::UnusedStep { name });
        }
    }
}
