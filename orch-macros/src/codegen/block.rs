//! A block: its regions in order, each value in a scope that ends with its last use.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

use super::{Context, join, own};
use crate::ir::schedule::Schedule;
use crate::ir::uses::{self, name_of};
use crate::ir::{Awaited, Graph, Item, LetTokens, Role};
use crate::lower::{self, Crossing, Way};

/// Statements that are emitted together, and what they need and give.
struct Unit {
    tokens: TokenStream,
    /// What it brings into scope.
    defines: Vec<Defined>,
    uses: HashSet<String>,
    /// Whether a block may be put around it.
    movable: bool,
}

/// A name a unit brings into scope.
#[derive(Clone)]
struct Defined {
    ident: Ident,
    mutable: bool,
    /// Whether the value may borrow from what its unit uses, so that those must outlive it.
    borrows: bool,
}

impl Context {
    /// The statements of a block, and its tail.
    pub(crate) fn block(&self, graph: &Graph) -> TokenStream {
        let scheduled = lower::scheduled(graph);
        let regions = &scheduled.regions;
        let mut units = Vec::new();
        for (index, region) in regions.iter().enumerate() {
            let live: HashSet<String> = regions[index + 1..]
                .iter()
                .flat_map(|later| &later.items)
                .flat_map(|item| graph.items[*item].uses.iter().map(|used| used.name.clone()))
                .collect();
            self.units(&region.schedule, graph, &live, &mut units);
        }
        statements(units, &HashSet::new())
    }

    fn units(&self, schedule: &Schedule, graph: &Graph, live: &HashSet<String>, units: &mut Vec<Unit>) {
        match schedule {
            Schedule::Item(index) => units.push(self.item(&graph.items[*index])),
            Schedule::Series(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let mut live = live.clone();
                    for later in &parts[index + 1..] {
                        each_item(later, &mut |item| {
                            live.extend(graph.items[item].uses.iter().map(|used| used.name.clone()));
                        });
                    }
                    self.units(part, graph, &live, units);
                }
            }
            Schedule::Parallel(branches) => units.push(self.parallel(branches, graph, live)),
            Schedule::Strands(group) => units.push(self.strands(group, graph)),
        }
    }

    fn item(&self, item: &Item) -> Unit {
        let code = self.code(&item.code);
        let mut movable = true;
        let tokens = match &item.role {
            Role::Let { attrs, tokens: LetTokens { start, eq, semi }, pat, ty, .. } => {
                let ty = ty.iter();
                quote!(#(#attrs)* #start #pat #(: #ty)* #eq #code #semi)
            }
            Role::LetElse { attrs, tokens: LetTokens { start, eq, semi }, pat, ty, diverge } => {
                let ty = ty.iter();
                let block = matches!(diverge.expr, syn::Expr::Block(_));
                let diverge = self.code(diverge);
                let diverge = if block { diverge } else { quote!({ #diverge }) };
                quote!(#(#attrs)* #start #pat #(: #ty)* #eq (#code) else #diverge #semi)
            }
            Role::Effect { semi } => quote!(#code #semi),
            Role::Tail => code,
            Role::Verbatim(stmt) => {
                movable = false;
                quote!(#stmt)
            }
        };
        Unit { tokens, defines: defined(item), uses: used(item), movable }
    }

    /// Branches that run at the same time in this task; the first error drops the others.
    fn parallel(&self, branches: &[Schedule], graph: &Graph, live: &HashSet<String>) -> Unit {
        let krate = &self.krate;
        let (values, error) = (own("__values"), own("__error"));
        let fails = can_fail(branches, graph);
        let target = self.region_error(fails);
        let built: Vec<(TokenStream, TokenStream, Vec<Defined>, HashSet<String>)> =
            branches.iter().map(|branch| self.branch_of(branch, graph, live, &target)).collect();
        let pattern = join::balanced(&built, &|(_, pattern, ..)| pattern.clone(), &join::tuple);
        let tree = self.together(&built, &|(branch, ..)| branch.clone());
        let failed = failed(&error, fails);
        let tokens = quote! {
            let #pattern = match #krate::__private::all(#tree).await {
                ::core::result::Result::Ok(#values) => #values,
                ::core::result::Result::Err(#error) => #failed,
            };
        };
        let defines = built.iter().flat_map(|(_, _, defines, _)| defines.clone()).collect();
        let uses = built.into_iter().flat_map(|(.., uses)| uses).collect();
        Unit { tokens, defines, uses, movable: true }
    }

    /// A branch, the pattern of what it gives, and the names in it.
    fn branch_of(
        &self,
        branch: &Schedule,
        graph: &Graph,
        live: &HashSet<String>,
        error: &TokenStream,
    ) -> (TokenStream, TokenStream, Vec<Defined>, HashSet<String>) {
        let mut uses = HashSet::new();
        each_item(branch, &mut |item| uses.extend(used(&graph.items[item])));
        if let Schedule::Item(index) = branch
            && let item = &graph.items[*index]
            && let Some(step) = item.only_step()
            && let Role::Let { pat, ty: None, .. } = &item.role
            && step.question.is_some()
            && step.adapt.is_none()
            && step.is_plain_call()
            && matches!(&step.awaited, Awaited::Call(code) if code.pieces.is_empty())
        {
            return (self.observed_branch(step), quote!(#pat), defined(item), uses);
        }
        let mut units = Vec::new();
        self.units(branch, graph, live, &mut units);
        let defines = outs_of(&units, live);
        let names: Vec<&Ident> = defines.iter().map(|defined| &defined.ident).collect();
        let outs: HashSet<String> = names.iter().map(|name| name_of(name)).collect();
        let body = statements(units, &outs);
        let tokens = self.block_branch(&body, &quote!((#(#names),*)), error);
        (tokens, rebind(&defines), defines, uses)
    }

    /// Statements that each wait for what they need. They stand in program order, so that the compiler meets a
    /// value's definition, and with it the type of its slot, before its uses.
    fn strands(&self, group: &[usize], graph: &Graph) -> Unit {
        let krate = &self.krate;
        let (error, progress) = (own("__error"), own("__progress"));
        let crossings = lower::crossings(group, graph);
        let fails = group.iter().any(|item| graph.items[*item].fails);
        let target = self.region_error(fails);
        let branches: Vec<TokenStream> =
            group.iter().map(|item| self.strand(*item, graph, &crossings, &target)).collect();
        let tree = self.together(&branches, &TokenStream::clone);
        let failed = failed(&error, fails);
        let slots = crossings.iter().map(|crossing| {
            let slot = slot(&crossing.name);
            match crossing.way {
                Way::Given => quote!(let #slot = #krate::__private::Handover::new();),
                Way::Lent => quote!(let #slot = #krate::__private::Slot::new();),
                Way::Taken { borrowers, .. } => {
                    quote!(let #slot = #krate::__private::Loans::new(#borrowers);)
                }
            }
        });
        let filled = crossings.iter().filter(|crossing| crossing.definer.is_none()).map(|crossing| {
            let (slot, name) = (slot(&crossing.name), spelled(group, graph, &crossing.name));
            quote!(#slot.fill(#name, &#progress);)
        });
        let outs: Vec<Defined> = crossings
            .iter()
            .filter(|crossing| crossing.lives_on)
            .flat_map(|crossing| {
                let named = |defined: &Defined| name_of(&defined.ident) == crossing.name;
                let definer = crossing.definer.map(|definer| defined(&graph.items[definer]));
                definer.into_iter().flatten().filter(named).collect::<Vec<_>>()
            })
            .collect();
        let takes = outs.iter().map(|defined| {
            let slot = slot(&name_of(&defined.ident));
            quote!(#slot.into_value())
        });
        let pattern = rebind(&outs);
        let tokens = quote! {
            let #pattern = {
                #(#slots)*
                let #progress = #krate::__private::Progress::new();
                #(#filled)*
                if let ::core::result::Result::Err(#error) = #krate::__private::strands(#tree, &#progress).await {
                    #failed
                }
                (#(#takes),*)
            };
        };
        let uses = group.iter().flat_map(|item| used(&graph.items[*item])).collect();
        Unit { tokens, defines: outs, uses, movable: true }
    }

    fn strand(
        &self,
        index: usize,
        graph: &Graph,
        crossings: &[Crossing],
        error: &TokenStream,
    ) -> TokenStream {
        let (progress, item) = (own("__progress"), &graph.items[index]);
        let (mut body, mut returned) = (TokenStream::new(), TokenStream::new());
        for crossing in crossings.iter().filter(|crossing| crossing.definer != Some(index)) {
            if !item.uses.iter().any(|used| used.name == crossing.name) {
                continue;
            }
            let definition = crossing.definer.and_then(|definer| {
                let named = |defined: &Defined| name_of(&defined.ident) == crossing.name;
                defined(&graph.items[definer]).into_iter().find(named)
            });
            let mutable = definition.as_ref().is_some_and(|definition| definition.mutable);
            let mutable = mutable.then(|| quote!(mut));
            let name = match definition {
                Some(definition) => definition.ident,
                None => spelled(&[index], graph, &crossing.name),
            };
            let slot = slot(&crossing.name);
            match crossing.way {
                Way::Lent => body.extend(quote!(let #name = #slot.filled().await;)),
                Way::Taken { by, .. } if by != index => {
                    body.extend(quote!(let #name = #slot.lent().await;));
                    returned.extend(quote!(#slot.give_back(#name, &#progress);));
                }
                Way::Given | Way::Taken { .. } => {
                    body.extend(quote!(#[allow(unused_mut)] let #mutable #name = #slot.taken().await;));
                }
            }
        }
        body.extend(self.item(item).tokens);
        for defined in defined(item) {
            let name = name_of(&defined.ident);
            if crossings.iter().any(|crossing| crossing.name == name) {
                let (ident, slot) = (&defined.ident, slot(&name));
                body.extend(quote!(#slot.fill(#ident, &#progress);));
            }
        }
        body.extend(returned);
        self.block_branch(&body, &quote!(()), error)
    }

    /// The error type of branches that run together.
    fn region_error(&self, fails: bool) -> TokenStream {
        if fails { self.error.clone() } else { quote!(::core::convert::Infallible) }
    }
}

/// A name as one of the items spells it: with the user's own span.
fn spelled(items: &[usize], graph: &Graph, name: &str) -> Ident {
    fn find(tokens: TokenStream, name: &str) -> Option<Ident> {
        tokens.into_iter().find_map(|token| match token {
            TokenTree::Ident(ident) if ident == name => Some(ident),
            TokenTree::Group(group) => find(group.stream(), name),
            _ => None,
        })
    }
    let sources = items.iter().filter_map(|item| graph.items[*item].source.as_ref());
    let found = sources.map(|source| find(source.to_token_stream(), name)).find_map(|found| found);
    found.unwrap_or_else(|| Ident::new(name, Span::call_site()))
}

/// What to do with the error of a join.
fn failed(error: &Ident, can_fail: bool) -> TokenStream {
    if can_fail { quote!(return ::core::result::Result::Err(#error)) } else { quote!(match #error {}) }
}

/// The name of the slot of a value that crosses strands.
fn slot(name: &str) -> Ident {
    own(&format!("__slot_{name}"))
}

/// The pattern that brings `defines` back into scope.
fn rebind(defines: &[Defined]) -> TokenStream {
    let names = defines.iter().map(
        |Defined { ident, mutable, .. }| {
            if *mutable { quote!(mut #ident) } else { quote!(#ident) }
        },
    );
    quote!((#(#names),*))
}

/// What units define and others need; of two values of one name, the later.
fn outs_of(units: &[Unit], needed: &HashSet<String>) -> Vec<Defined> {
    let mut outs: Vec<Defined> = Vec::new();
    for defined in units.iter().flat_map(|unit| &unit.defines) {
        let name = name_of(&defined.ident);
        if needed.contains(&name) {
            outs.retain(|earlier| name_of(&earlier.ident) != name);
            outs.push(defined.clone());
        }
    }
    outs
}

fn each_item(schedule: &Schedule, visit: &mut dyn FnMut(usize)) {
    match schedule {
        Schedule::Item(item) => visit(*item),
        Schedule::Series(parts) | Schedule::Parallel(parts) => {
            for part in parts {
                each_item(part, visit);
            }
        }
        Schedule::Strands(group) => group.iter().for_each(|item| visit(*item)),
    }
}

fn can_fail(branches: &[Schedule], graph: &Graph) -> bool {
    let mut fails = false;
    for branch in branches {
        each_item(branch, &mut |item| fails |= graph.items[item].fails);
    }
    fails
}

fn defined(item: &Item) -> Vec<Defined> {
    let (pat, borrows) = match &item.role {
        Role::Let { pat, borrows, .. } => (Some(pat), *borrows),
        Role::LetElse { pat, .. } => (Some(pat), true),
        _ => (None, true),
    };
    item.defines
        .iter()
        .map(|ident| Defined {
            ident: ident.clone(),
            mutable: pat.is_some_and(|pat| uses::binds_mut(pat, &ident.to_string())),
            borrows,
        })
        .collect()
}

fn used(item: &Item) -> HashSet<String> {
    item.uses.iter().map(|used| used.name.clone()).collect()
}

/// The units in order, with a block around each stretch after which a value is no longer needed.
fn statements(mut units: Vec<Unit>, live: &HashSet<String>) -> TokenStream {
    while let Some((from, to)) = scope(&units, live) {
        let rest: Vec<Unit> = units.split_off(to + 1);
        let inside = units.split_off(from);
        let needed: HashSet<String> =
            rest.iter().flat_map(|unit| unit.uses.iter().cloned()).chain(live.iter().cloned()).collect();
        let outs = outs_of(&inside, &needed);
        let own: HashSet<String> =
            inside.iter().flat_map(|unit| unit.defines.iter().map(|d| name_of(&d.ident))).collect();
        let uses = inside
            .iter()
            .flat_map(|unit| unit.uses.iter().cloned())
            .filter(|name| !own.contains(name))
            .collect();
        let body: TokenStream = inside.into_iter().map(|unit| unit.tokens).collect();
        let names = outs.iter().map(|defined| &defined.ident);
        let pattern = rebind(&outs);
        let allow = outs.iter().any(|defined| defined.mutable).then(|| quote!(#[allow(unused_mut)]));
        let tokens = if outs.is_empty() {
            quote!({ #body })
        } else {
            quote!(#allow let #pattern = { #body (#(#names),*) };)
        };
        units.push(Unit { tokens, defines: outs, uses, movable: true });
        units.extend(rest);
    }
    units.into_iter().map(|unit| unit.tokens).collect()
}

/// The shortest stretch at whose end a value could go, and nothing that leaves the stretch borrows from it.
fn scope(units: &[Unit], live: &HashSet<String>) -> Option<(usize, usize)> {
    let mut seen = HashSet::new();
    if !units.iter().flat_map(|unit| &unit.defines).all(|defined| seen.insert(name_of(&defined.ident))) {
        return None;
    }
    let mut best: Option<(usize, usize)> = None;
    for (from, unit) in units.iter().enumerate() {
        for defined in unit.defines.iter().filter(|defined| !defined.borrows) {
            let Some(to) = last_use(units, from, &name_of(&defined.ident), live) else {
                continue;
            };
            if to <= from || to + 1 >= units.len() || !units[from..=to].iter().all(|unit| unit.movable) {
                continue;
            }
            let leaves_borrowed = units[from..=to].iter().flat_map(|unit| &unit.defines).any(|defined| {
                let name = name_of(&defined.ident);
                defined.borrows
                    && (live.contains(&name) || units[to + 1..].iter().any(|unit| unit.uses.contains(&name)))
            });
            if !leaves_borrowed && best.is_none_or(|(at, end)| to < end || (to == end && from > at)) {
                best = Some((from, to));
            }
        }
    }
    best
}

/// The last unit that needs `name`, directly or through a value that may borrow from it.
fn last_use(units: &[Unit], from: usize, name: &str, live: &HashSet<String>) -> Option<usize> {
    if live.contains(name) {
        return None;
    }
    let mut last = from;
    for (index, unit) in units.iter().enumerate().skip(from + 1) {
        if !unit.uses.contains(name) {
            continue;
        }
        last = last.max(index);
        for borrower in unit.defines.iter().filter(|defined| defined.borrows) {
            last = last.max(last_use(units, index, &name_of(&borrower.ident), live)?);
        }
    }
    Some(last)
}
