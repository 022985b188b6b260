//! A block: its regions in order, each value in a scope that ends with its last use.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{Context, join, own};
use crate::ir::uses::{self, name_of};
use crate::ir::{Awaited, Graph, Item, LetTokens, Role};
use crate::lower::{self, Schedule};

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
        let (regions, _) = lower::regions(graph);
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
            Schedule::Strands(strands) => units.push(self.strands(strands, graph, live)),
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
                let diverge = self.code(diverge);
                quote!(#(#attrs)* #start #pat #(: #ty)* #eq #code else { #diverge } #semi)
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
        let built: Vec<(TokenStream, TokenStream, Vec<Defined>, HashSet<String>)> =
            branches.iter().map(|branch| self.branch_of(branch, graph, live)).collect();
        let pattern = join::balanced(&built, &|(_, pattern, ..)| pattern.clone(), &join::tuple);
        let tree = join::balanced(
            &built,
            &|(branch, ..)| branch.clone(),
            &|left, right| quote!(#krate::__private::Both::new(#left, #right)),
        );
        let failed = failed(&error, built_can_fail(branches, graph));
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
    ) -> (TokenStream, TokenStream, Vec<Defined>, HashSet<String>) {
        let krate = &self.krate;
        let mut uses = HashSet::new();
        each_item(branch, &mut |item| uses.extend(used(&graph.items[item])));
        if let Schedule::Item(index) = branch
            && let item = &graph.items[*index]
            && let Some(step) = item.only_step()
            && let Role::Let { pat, ty: None, .. } = &item.role
            && step.question.is_some()
            && step.adapt.is_none()
            && !step.policies.change_the_call()
            && step.policies.flow.is_none()
            && matches!(&step.awaited, Awaited::Call(code) if code.pieces.is_empty())
        {
            return (self.observed_branch(step), quote!(#pat), defined(item), uses);
        }
        let mut units = Vec::new();
        self.units(branch, graph, live, &mut units);
        let defines: Vec<Defined> = units
            .iter()
            .flat_map(|unit| unit.defines.clone())
            .filter(|defined| live.contains(&name_of(&defined.ident)))
            .collect();
        let names: Vec<&Ident> = defines.iter().map(|defined| &defined.ident).collect();
        let outs: HashSet<String> = names.iter().map(|name| name_of(name)).collect();
        let body = statements(units, &outs);
        let error = if built_can_fail(std::slice::from_ref(branch), graph) {
            self.error.clone()
        } else {
            quote!(::core::convert::Infallible)
        };
        let (cx, mine, failure) = (own("__cx"), own("__mine"), own("__error"));
        let pattern = rebind(&defines);
        let tokens = quote!({
            let #mine = #cx.fork();
            #krate::__private::Branch::new(
                (),
                async {
                    let #cx = #mine;
                    #body
                    ::core::result::Result::Ok::<_, #error>((#(#names),*))
                },
                |_: &(), #failure: #error| #failure,
            )
        });
        (tokens, pattern, defines, uses)
    }

    /// Strands that wait for values of each other: each value that crosses has a slot.
    fn strands(&self, strands: &[Vec<usize>], graph: &Graph, live: &HashSet<String>) -> Unit {
        let krate = &self.krate;
        let error = own("__error");
        let all: Vec<usize> = strands.iter().flatten().copied().collect();
        let crossings = Crossings::of(strands, graph, live);
        let fails = all.iter().any(|item| graph.items[*item].fails);
        let target = if fails { self.error.clone() } else { quote!(::core::convert::Infallible) };
        let branches: Vec<TokenStream> =
            strands.iter().map(|strand| self.strand(strand, graph, &crossings, &target)).collect();
        let tree = join::balanced(
            &branches,
            &TokenStream::clone,
            &|left, right| quote!(#krate::__private::Both::new(#left, #right)),
        );
        let failed = failed(&error, fails);
        let slots = crossings.0.iter().map(|crossing| slot(&crossing.defined.ident));
        let kinds = crossings
            .0
            .iter()
            .map(|crossing| if crossing.handed_over { quote!(Handover) } else { quote!(Slot) });
        let outs: Vec<Defined> = crossings
            .0
            .iter()
            .map(|crossing| &crossing.defined)
            .filter(|defined| live.contains(&name_of(&defined.ident)))
            .cloned()
            .collect();
        let takes = outs.iter().map(|defined| {
            let slot = slot(&defined.ident);
            quote!(#slot.into_value())
        });
        let pattern = rebind(&outs);
        let progress = own("__progress");
        let tokens = quote! {
            let #pattern = {
                #(let #slots = #krate::__private::#kinds::new();)*
                let #progress = #krate::__private::Progress::new();
                if let ::core::result::Result::Err(#error) = #krate::__private::strands(#tree, &#progress).await {
                    #failed
                }
                (#(#takes),*)
            };
        };
        let uses = all.iter().flat_map(|item| used(&graph.items[*item])).collect();
        Unit { tokens, defines: outs, uses, movable: true }
    }

    fn strand(
        &self,
        strand: &[usize],
        graph: &Graph,
        crossings: &Crossings,
        error: &TokenStream,
    ) -> TokenStream {
        let krate = &self.krate;
        let (cx, mine, failure, progress) = (own("__cx"), own("__mine"), own("__error"), own("__progress"));
        let mut body = TokenStream::new();
        let mut arrived: HashSet<String> = HashSet::new();
        let mut lent: HashSet<String> = HashSet::new();
        let defined_here: HashSet<String> =
            strand.iter().flat_map(|item| &graph.items[*item].defines).map(name_of).collect();
        for &index in strand {
            let item = &graph.items[index];
            // In program order, so that a strand waits for what its next statement needs and for nothing else.
            for used in &item.uses {
                let Some(crossing) = crossings.find(&used.name) else { continue };
                if defined_here.contains(&used.name) || !arrived.insert(used.name.clone()) {
                    continue;
                }
                let (name, slot) = (&crossing.defined.ident, slot(&crossing.defined.ident));
                if crossing.handed_over {
                    let mutable = crossing.defined.mutable.then(|| quote!(mut));
                    body.extend(quote!(let #mutable #name = #slot.taken().await;));
                } else {
                    body.extend(quote!(let #name = #slot.filled().await;));
                    lent.insert(used.name.clone());
                }
            }
            let unit = self.item(item);
            body.extend(lend(unit.tokens, &lent));
            for defined in &unit.defines {
                let name = name_of(&defined.ident);
                if let Some(crossing) = crossings.find(&name) {
                    let (ident, slot) = (&defined.ident, slot(&defined.ident));
                    if crossing.handed_over {
                        body.extend(quote!(#slot.fill(#ident, &#progress);));
                    } else {
                        // From here on this strand, too, has what the slot lends.
                        body.extend(
                            quote!(#[allow(unused_variables)] let #ident = #slot.fill(#ident, &#progress);),
                        );
                        lent.insert(name);
                    }
                }
            }
        }
        quote!({
            let #mine = #cx.fork();
            #krate::__private::Branch::new(
                (),
                async {
                    let #cx = #mine;
                    #body
                    ::core::result::Result::Ok::<_, #error>(())
                },
                |_: &(), #failure: #error| #failure,
            )
        })
    }
}

/// The values that cross from one strand to others, or to what comes after.
struct Crossings(Vec<Crossing>);

struct Crossing {
    defined: Defined,
    /// Whether one statement alone uses it, so that it can be given away instead of lent.
    handed_over: bool,
}

impl Crossings {
    fn of(strands: &[Vec<usize>], graph: &Graph, live: &HashSet<String>) -> Self {
        let mut crossings = Vec::new();
        for (number, strand) in strands.iter().enumerate() {
            for defined in strand.iter().flat_map(|item| defined(&graph.items[*item])) {
                let name = name_of(&defined.ident);
                let users = |strand: &Vec<usize>| {
                    strand.iter().filter(|item| used(&graph.items[**item]).contains(&name)).count()
                };
                let elsewhere: usize = strands
                    .iter()
                    .enumerate()
                    .filter(|(other, _)| *other != number)
                    .map(|(_, strand)| users(strand))
                    .sum();
                let after = live.contains(&name);
                if elsewhere > 0 || after {
                    let handed_over = !after && elsewhere == 1 && users(strand) == 0;
                    crossings.push(Crossing { defined, handed_over });
                }
            }
        }
        Self(crossings)
    }

    fn find(&self, name: &str) -> Option<&Crossing> {
        self.0.iter().find(|crossing| name_of(&crossing.defined.ident) == name)
    }
}

/// What to do with the error of a join.
fn failed(error: &Ident, can_fail: bool) -> TokenStream {
    if can_fail { quote!(return ::core::result::Result::Err(#error)) } else { quote!(match #error {}) }
}

/// The name of the slot of a value that crosses strands.
fn slot(name: &Ident) -> Ident {
    own(&format!("__slot_{}", name_of(name)))
}

/// Rewrites the names in `lent`, which are references here, to the values behind them.
fn lend(tokens: TokenStream, lent: &HashSet<String>) -> TokenStream {
    if lent.is_empty() {
        return tokens;
    }
    lower::place::dereference(tokens, lent)
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

fn each_item(schedule: &Schedule, visit: &mut dyn FnMut(usize)) {
    match schedule {
        Schedule::Item(item) => visit(*item),
        Schedule::Series(parts) | Schedule::Parallel(parts) => {
            for part in parts {
                each_item(part, visit);
            }
        }
        Schedule::Strands(strands) => strands.iter().flatten().for_each(|item| visit(*item)),
    }
}

fn built_can_fail(branches: &[Schedule], graph: &Graph) -> bool {
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
        let outs: Vec<Defined> = inside
            .iter()
            .flat_map(|unit| unit.defines.clone())
            .filter(|defined| needed.contains(&name_of(&defined.ident)))
            .collect();
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
        let tokens = quote!(#[allow(unused_mut)] let #pattern = { #body (#(#names),*) };);
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
