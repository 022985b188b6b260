//! The plan: the same graph as constant data. Drawing it also gives each step its place in it.

use std::collections::{BTreeSet, HashMap};

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::Context;
use crate::ir::schedule::Scheduled;
use crate::ir::{Arm, Awaited, Branch, Code, Control, ControlKind, FanOut, Graph, Piece, Route, Shape, Step};
use crate::lower;
use crate::parse::policy::Policies;

/// The plan steps of one level, in order.
struct Level {
    prefix: Vec<usize>,
    steps: Vec<TokenStream>,
}

impl Level {
    fn next(&self) -> Vec<usize> {
        let mut place = self.prefix.clone();
        place.push(self.steps.len());
        place
    }
}

impl Context {
    /// `Graph { .. }` for a block.
    pub(crate) fn plan_graph(&self, label: &str, graph: &mut Graph, prefix: &[usize]) -> TokenStream {
        let mut level = Level { prefix: prefix.to_vec(), steps: Vec::new() };
        // The plan steps of each item: the first and the last.
        let mut spans: Vec<Option<(usize, usize)>> = Vec::with_capacity(graph.items.len());
        for item in &mut graph.items {
            let first = level.steps.len();
            self.plan_code(&mut item.code, &mut level);
            if let crate::ir::Role::LetElse { diverge, .. } = &mut item.role {
                self.plan_code(diverge, &mut level);
            }
            let end = level.steps.len();
            spans.push((end > first).then(|| (first, end - 1)));
        }
        let edges = edges(graph, &spans);
        self.graph(label, &level.steps, &edges)
    }

    fn graph(&self, label: &str, steps: &[TokenStream], edges: &BTreeSet<(usize, usize)>) -> TokenStream {
        let krate = &self.krate;
        let edges = edges.iter().map(|(from, to)| quote!((#from, #to)));
        quote!(#krate::plan::Graph { label: #label, steps: &[#(#steps),*], edges: &[#(#edges),*] })
    }

    /// A level with one step, and whatever its arguments await.
    fn plan_single(&self, label: &str, step: &mut Step, prefix: &[usize]) -> TokenStream {
        let mut level = Level { prefix: prefix.to_vec(), steps: Vec::new() };
        self.plan_step(step, &mut level);
        let edges = (1..level.steps.len()).map(|to| (to - 1, to)).collect();
        self.graph(label, &level.steps, &edges)
    }

    fn plan_code(&self, code: &mut Code, level: &mut Level) {
        for piece in &mut code.pieces {
            match piece {
                Piece::Step(step) => self.plan_step(step, level),
                Piece::Control(control) => self.plan_control(control, level),
            }
        }
    }

    fn plan_step(&self, step: &mut Step, level: &mut Level) {
        let krate = &self.krate;
        match &mut step.awaited {
            Awaited::Call(code) => self.plan_code(code, level),
            Awaited::Route(route) => self.plan_code(&mut route.scrutinee, level),
            Awaited::FanOut(FanOut { shape: Shape::Map(map), .. }) => self.plan_code(&mut map.over, level),
            Awaited::FanOut(_) => {}
        }
        let place = level.next();
        let inside = |index: usize| -> Vec<usize> { place.iter().copied().chain([index]).collect() };
        let (kind, children) = match &mut step.awaited {
            Awaited::Call(code) if step.policies.flow.is_some() => (flow(krate, &code.expr), Vec::new()),
            Awaited::Call(_) => (quote!(#krate::plan::Kind::Call), Vec::new()),
            Awaited::Route(Route { arms, .. }) => {
                let children = arms.iter_mut().enumerate().map(|(index, Arm { pat, step, .. })| {
                    self.plan_single(&spelled(&pat.to_token_stream()), step, &inside(index))
                });
                (quote!(#krate::plan::Kind::Route), children.collect())
            }
            Awaited::FanOut(FanOut { shape, .. }) => match shape {
                Shape::Named(branches) | Shape::Struct(_, branches) => {
                    let children = branches.iter_mut().enumerate().map(|(index, Branch { field, step })| {
                        self.plan_single(&field.to_string(), step, &inside(index))
                    });
                    (quote!(#krate::plan::Kind::FanOut), children.collect())
                }
                Shape::Map(map) => {
                    let child = self.plan_single("each", &mut map.step, &inside(0));
                    (quote!(#krate::plan::Kind::Map), vec![child])
                }
            },
        };
        let name = &step.name;
        let policies = self.policies(&step.policies);
        let number = level.steps.len();
        level.steps.push(quote! {
            #krate::plan::Step {
                name: #name,
                number: #number,
                kind: #kind,
                policies: &[#(#policies),*],
                children: &[#(#children),*],
            }
        });
        step.place = place;
    }

    fn plan_control(&self, control: &mut Control, level: &mut Level) {
        let krate = &self.krate;
        for piece in &mut control.head {
            match piece {
                Piece::Step(step) => self.plan_step(step, level),
                Piece::Control(inner) => self.plan_control(inner, level),
            }
        }
        let place = level.next();
        let children: Vec<TokenStream> = control
            .graphs
            .iter_mut()
            .enumerate()
            .map(|(index, (label, graph))| {
                let prefix: Vec<usize> = place.iter().copied().chain([index]).collect();
                self.plan_graph(label, graph, &prefix)
            })
            .collect();
        let (kind, policy) = match &control.kind {
            ControlKind::Choice => (quote!(Choice), None),
            ControlKind::Block => (quote!(Block), None),
            ControlKind::Loop { max } => (quote!(Loop), max.as_ref()),
        };
        let policy = policy.map(|max| quote!(#krate::plan::Policy::Max { rounds: #max }));
        let policies = policy.iter();
        let (name, number) = (control.name, level.steps.len());
        level.steps.push(quote! {
            #krate::plan::Step {
                name: #name,
                number: #number,
                kind: #krate::plan::Kind::#kind,
                policies: &[#(#policies),*],
                children: &[#(#children),*],
            }
        });
        control.place = place;
    }

    fn policies(&self, policies: &Policies) -> Vec<TokenStream> {
        let krate = &self.krate;
        let mut out = Vec::new();
        if let Some(retry) = &policies.retry {
            let attempts = &retry.attempts;
            let (low, high) = retry.backoff.unwrap_or_default();
            out.push(quote!(#krate::plan::Policy::Retry {
                attempts: #attempts, shortest_wait_ms: #low, longest_wait_ms: #high
            }));
        }
        if let Some(timeout) = &policies.timeout {
            let part = |limit: Option<u64>| match limit {
                Some(limit) => quote!(::core::option::Option::Some(#limit)),
                None => quote!(::core::option::Option::None),
            };
            let (attempt, total) = (part(timeout.attempt), part(timeout.total));
            out.push(quote!(#krate::plan::Policy::Timeout { attempt_ms: #attempt, total_ms: #total }));
        }
        if let Some(condition) = &policies.when {
            let condition = spelled(&condition.to_token_stream());
            out.push(quote!(#krate::plan::Policy::When { condition: #condition }));
        }
        if policies.or.is_some() {
            out.push(quote!(#krate::plan::Policy::Or));
        }
        if let Some(after) = policies.hedge {
            out.push(quote!(#krate::plan::Policy::Hedge { after_ms: #after }));
        }
        if policies.cache.is_some() {
            out.push(quote!(#krate::plan::Policy::Cache));
        }
        if policies.limit.is_some() {
            out.push(quote!(#krate::plan::Policy::Limit));
        }
        if let Some(effect) = &policies.effect {
            let idempotent = effect.idempotent;
            out.push(quote!(#krate::plan::Policy::Effect { idempotent: #idempotent }));
        }
        if policies.stream.is_some() {
            out.push(quote!(#krate::plan::Policy::Stream));
        }
        out
    }
}

/// The kind of a step that is another workflow: its own plan.
fn flow(krate: &TokenStream, call: &syn::Expr) -> TokenStream {
    let path = match call {
        syn::Expr::Call(call) => match &*call.func {
            syn::Expr::Path(path) => {
                let mut path = path.path.clone();
                if let Some(last) = path.segments.last_mut() {
                    last.arguments = syn::PathArguments::None;
                }
                path
            }
            _ => return quote!(#krate::plan::Kind::Call),
        },
        _ => return quote!(#krate::plan::Kind::Call),
    };
    quote!(#krate::plan::Kind::Flow(#path::PLAN))
}

/// Tokens as a person would write them, as nearly as tokens tell.
fn spelled(tokens: &TokenStream) -> String {
    tokens
        .to_string()
        .replace(" :: ", "::")
        .replace(" . ", ".")
        .replace("& ", "&")
        .replace(" (", "(")
        .replace("( ", "(")
        .replace(" )", ")")
        .replace(" ,", ",")
}

/// The edges between plan steps: what a step waits for, without what follows from the others.
fn edges(graph: &Graph, spans: &[Option<(usize, usize)>]) -> BTreeSet<(usize, usize)> {
    let scheduled = lower::scheduled(graph);
    let Scheduled { regions, dependences } = &*scheduled;
    let mut waits: Vec<BTreeSet<usize>> =
        dependences.direct.iter().map(|direct| direct.iter().copied().collect()).collect();
    // An ordering point waits for all above it, and all below wait for it.
    let mut barrier: Option<usize> = None;
    for region in regions {
        let orders = matches!(region.items.as_slice(), [only] if !lower::is_free(&graph.items[*only]));
        for &item in &region.items {
            if orders {
                waits[item].extend(0..item);
            } else {
                waits[item].extend(barrier);
            }
        }
        if orders {
            barrier = region.items.first().copied();
        }
    }
    // Plain code has no place in the plan: whoever waits for it waits for what it waits for.
    let mut before: HashMap<usize, BTreeSet<usize>> = HashMap::new();
    let mut edges = BTreeSet::new();
    for item in 0..graph.items.len() {
        let steps: BTreeSet<usize> = waits[item]
            .iter()
            .flat_map(|earlier| match spans[*earlier] {
                Some((_, last)) => BTreeSet::from([last]),
                None => before.get(earlier).cloned().unwrap_or_default(),
            })
            .collect();
        if let Some((first, last)) = spans[item] {
            edges.extend(steps.iter().map(|from| (*from, first)));
            edges.extend((first..last).map(|step| (step, step + 1)));
        }
        before.insert(item, steps);
    }
    reduce(&edges)
}

/// The transitive reduction. Every edge goes from a lower to a higher number.
fn reduce(edges: &BTreeSet<(usize, usize)>) -> BTreeSet<(usize, usize)> {
    let size = edges.iter().map(|(_, to)| to + 1).max().unwrap_or(0);
    let mut reach = vec![BTreeSet::new(); size];
    let mut kept = BTreeSet::new();
    for to in 0..size {
        let mut from: Vec<usize> = edges.iter().filter(|edge| edge.1 == to).map(|edge| edge.0).collect();
        from.sort_unstable_by(|a, b| b.cmp(a));
        for earlier in from {
            if !reach[to].contains(&earlier) {
                kept.insert((earlier, to));
                let through = reach[earlier].clone();
                reach[to].extend(through);
                reach[to].insert(earlier);
            }
        }
    }
    kept
}

impl Context {
    /// `Graph { .. }` for the stages of a pipeline: a chain.
    pub(crate) fn pipeline_plan(&self, stages: &mut [(Step, proc_macro2::Ident)]) -> TokenStream {
        let mut level = Level { prefix: Vec::new(), steps: Vec::new() };
        for (step, _) in stages {
            self.plan_step(step, &mut level);
        }
        let edges = (1..level.steps.len()).map(|to| (to - 1, to)).collect();
        self.graph("", &level.steps, &edges)
    }
}
