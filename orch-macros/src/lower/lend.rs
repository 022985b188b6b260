//! Statements that reach another one's value through a reference.
//!
//! In a graph that is not series-parallel, a value that several statements need is lent to each. The user wrote
//! the value's name; this writes `(*name)` in its place, as the syntax tree has it: not where a pattern, a closure
//! or a block binds the name anew.

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, ExprMacro, Ident, Member, Pat, Stmt};

use super::Crossing;
use crate::diag::Errors;
use crate::ir::schedule::Schedule;
use crate::ir::uses::{self, name_of};
use crate::ir::{Graph, Item, Piece, build, nodes};
use crate::parse::fan_out::FanOutSyntax;

/// Rewrites what the strands of `graph`, and of all graphs inside it, are lent.
pub(crate) fn lend(graph: &mut Graph) {
    let mut lent: Vec<(usize, HashSet<String>)> = Vec::new();
    for region in &super::scheduled(graph).regions {
        groups(&region.schedule, &mut |group| {
            let crossings = super::crossings(group, graph);
            for &item in group {
                let names: HashSet<String> = crossings
                    .iter()
                    .filter(|crossing| crossing.definer != Some(item) && crossing.is_lent_to(item))
                    .map(|Crossing { name, .. }| name.clone())
                    .filter(|name| graph.items[item].uses.iter().any(|used| used.name == *name))
                    .collect();
                if !names.is_empty() {
                    lent.push((item, names));
                }
            }
        });
    }
    if !lent.is_empty() {
        for (index, names) in lent {
            rewrite(&mut graph.items[index], names);
        }
        // What was built again does not yet know what stands around it.
        let around = (graph.lent.clone(), graph.outer.clone(), graph.exclusive.clone());
        graph.surround(&around.0, &around.1, &around.2);
    }
    for item in &mut graph.items {
        for piece in &mut item.code.pieces {
            if let Piece::Control(control) = piece {
                for (_, graph) in &mut control.graphs {
                    lend(graph);
                }
            }
        }
    }
}

fn groups(schedule: &Schedule, visit: &mut dyn FnMut(&[usize])) {
    match schedule {
        Schedule::Item(_) => {}
        Schedule::Series(parts) | Schedule::Parallel(parts) => {
            for part in parts {
                groups(part, visit);
            }
        }
        Schedule::Strands(group) => visit(group),
    }
}

/// Builds the item again from its rewritten source. What it uses, and so its place in the schedule, stays.
fn rewrite(item: &mut Item, names: HashSet<String>) {
    let Some(mut source) = item.source.clone() else { return };
    Dereference { names, shadows: Vec::new() }.visit_stmt_mut(&mut source);
    // What can be said about the statement has been said when it was built the first time.
    let rebuilt = build::item(source, &mut Errors::default());
    item.role = rebuilt.role;
    item.code = rebuilt.code;
}

struct Dereference {
    names: HashSet<String>,
    shadows: Vec<HashSet<String>>,
}

impl Dereference {
    fn is_lent(&self, ident: &Ident) -> bool {
        let name = name_of(ident);
        self.names.contains(&name) && !self.shadows.iter().any(|scope| scope.contains(&name))
    }

    fn scoped(&mut self, names: &[Ident], inside: impl FnOnce(&mut Self)) {
        self.shadows.push(names.iter().map(name_of).collect());
        inside(self);
        self.shadows.pop();
    }

    fn bind(&mut self, pat: &Pat) {
        if let Some(scope) = self.shadows.last_mut() {
            scope.extend(uses::bound_by(pat).iter().map(name_of));
        }
    }

    /// The inside of our own macros is code; that of others is theirs, and a reference serves as well there.
    fn tokens(&mut self, mac: &mut ExprMacro) {
        let tokens = mac.mac.tokens.clone();
        if nodes::is_macro(mac, "route") {
            if let Ok(mut expr) = syn::parse2::<Expr>(tokens) {
                self.visit_expr_mut(&mut expr);
                mac.mac.tokens = expr.into_token_stream();
            }
        } else if nodes::is_macro(mac, "fan_out")
            && let Ok(syntax) = syn::parse2::<FanOutSyntax>(tokens)
        {
            mac.mac.tokens = self.fan_out(syntax);
        }
    }

    fn fan_out(&mut self, syntax: FanOutSyntax) -> TokenStream {
        match syntax {
            FanOutSyntax::Named(mut branches) => {
                for branch in &mut branches {
                    self.visit_attributes_mut(&mut branch.attrs);
                    self.visit_expr_mut(&mut branch.future);
                }
                let branches = branches.iter().map(|branch| {
                    let (attrs, field, future) = (&branch.attrs, &branch.field, &branch.future);
                    quote!(#(#attrs)* #field = #future)
                });
                quote!(#(#branches),*)
            }
            FanOutSyntax::Struct(literal) => {
                let mut expr = Expr::Struct(literal);
                self.visit_expr_mut(&mut expr);
                expr.into_token_stream()
            }
            FanOutSyntax::Map(looped) => {
                let mut expr = Expr::ForLoop(looped);
                self.visit_expr_mut(&mut expr);
                expr.into_token_stream()
            }
        }
    }

    fn visit_attributes_mut(&mut self, attrs: &mut [Attribute]) {
        for attr in attrs {
            let Some(name) = attr.path().get_ident().map(ToString::to_string) else { continue };
            if matches!(name.as_str(), "when" | "or" | "limit")
                && let Ok(mut expr) = attr.parse_args::<Expr>()
                && let syn::Meta::List(list) = &mut attr.meta
            {
                self.visit_expr_mut(&mut expr);
                list.tokens = expr.into_token_stream();
            }
            if name == "cache"
                && let Some(mut cache) = crate::parse::policy::read_cache(attr, &mut Errors::default())
                && let syn::Meta::List(list) = &mut attr.meta
            {
                self.visit_expr_mut(&mut cache.store);
                self.visit_expr_mut(&mut cache.key);
                let (store, key) = (&cache.store, &cache.key);
                list.tokens = quote!(#store, key = #key);
            }
        }
    }
}

impl VisitMut for Dereference {
    fn visit_attributes_mut(&mut self, attrs: &mut Vec<Attribute>) {
        Self::visit_attributes_mut(self, attrs);
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Path(path) if path.qself.is_none() => {
                if let Some(ident) = path.path.get_ident()
                    && self.is_lent(ident)
                {
                    let ident = ident.clone();
                    // Spanned as ours: a lint about the `*` would not be the user's business.
                    let ours = Span::mixed_site().located_at(ident.span());
                    *expr = syn::parse_quote_spanned!(ours=> (*#ident));
                }
            }
            Expr::Struct(literal) => {
                for field in &mut literal.fields {
                    if field.colon_token.is_none()
                        && let Member::Named(name) = &field.member
                        && self.is_lent(name)
                    {
                        field.colon_token = Some(syn::Token![:](name.span()));
                    }
                    self.visit_expr_mut(&mut field.expr);
                }
                if let Some(rest) = &mut literal.rest {
                    self.visit_expr_mut(rest);
                }
            }
            Expr::Closure(closure) => {
                let names: Vec<Ident> = closure.inputs.iter().flat_map(uses::bound_by).collect();
                self.scoped(&names, |this| this.visit_expr_mut(&mut closure.body));
            }
            Expr::Match(matching) => {
                self.visit_expr_mut(&mut matching.expr);
                for arm in &mut matching.arms {
                    self.scoped(&uses::bound_by(&arm.pat), |this| {
                        if let Pat::Guard(guarded) = &mut arm.pat {
                            this.visit_expr_mut(&mut guarded.guard);
                        }
                        this.visit_expr_mut(&mut arm.body);
                    });
                }
            }
            Expr::If(branch) => {
                self.shadows.push(HashSet::new());
                self.visit_expr_mut(&mut branch.cond);
                self.visit_block_mut(&mut branch.then_branch);
                self.shadows.pop();
                if let Some((_, otherwise)) = &mut branch.else_branch {
                    self.visit_expr_mut(otherwise);
                }
            }
            Expr::While(looped) => {
                self.shadows.push(HashSet::new());
                self.visit_expr_mut(&mut looped.cond);
                self.visit_block_mut(&mut looped.body);
                self.shadows.pop();
            }
            Expr::Let(binding) => {
                self.visit_expr_mut(&mut binding.expr);
                self.bind(&binding.pat);
            }
            Expr::ForLoop(looped) => {
                self.visit_expr_mut(&mut looped.expr);
                self.scoped(&uses::bound_by(&looped.pat), |this| this.visit_block_mut(&mut looped.body));
            }
            Expr::Macro(mac) => self.tokens(mac),
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        self.scoped(&[], |this| {
            for stmt in &mut block.stmts {
                this.visit_stmt_mut(stmt);
            }
        });
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        match stmt {
            Stmt::Local(local) => {
                Self::visit_attributes_mut(self, &mut local.attrs);
                if let Some(init) = &mut local.init {
                    self.visit_expr_mut(&mut init.expr);
                    if let Some((_, diverge)) = &mut init.diverge {
                        self.visit_expr_mut(diverge);
                    }
                }
                self.bind(&local.pat);
            }
            Stmt::Expr(expr, _) => self.visit_expr_mut(expr),
            Stmt::Macro(_) | Stmt::Item(_) => {}
        }
    }
}
