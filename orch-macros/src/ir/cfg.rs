//! `#[cfg(..)]` and `#[cfg_attr(..)]` on steps.
//!
//! A macro cannot know which conditions hold, and a step that may be missing changes the whole graph: the schedule,
//! the plan, what is unused. So a workflow with conditions in it is compiled once for each way they can come out,
//! and each version stands under a `#[cfg]` of its own.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Block, Expr, ItemFn, Meta, Stmt};

use super::build::attributes_of;
use super::nodes;
use crate::diag::{Errors, Problem};

/// The most conditions in one workflow: each doubles what is compiled.
const MOST: usize = 4;

/// The versions of a workflow, each with the attribute it stands under; one without any if nothing is conditional.
pub(crate) fn versions(mut function: ItemFn, errors: &mut Errors) -> Vec<ItemFn> {
    let mut finder = Finder::default();
    finder.visit_block_mut(&mut function.block);
    let conditions = finder.conditions;
    if conditions.len() > MOST {
        errors.push(&conditions[MOST], &Problem::TooManyConditions);
        return vec![function];
    }
    if conditions.is_empty() {
        return vec![function];
    }
    let spelled: Vec<String> = conditions.iter().map(ToString::to_string).collect();
    (0..1_usize << conditions.len())
        .map(|case| {
            let holds: Vec<bool> = (0..conditions.len()).map(|index| case >> index & 1 == 0).collect();
            let mut version = function.clone();
            Chooser { spelled: &spelled, holds: &holds }.visit_block_mut(&mut version.block);
            let clauses = conditions
                .iter()
                .zip(&holds)
                .map(|(condition, holds)| if *holds { condition.clone() } else { quote!(not(#condition)) });
            version.attrs.push(syn::parse_quote!(#[cfg(all(#(#clauses),*))]));
            version
        })
        .collect()
}

/// The attributes of a statement, if it is one that can be missing.
fn attributes(stmt: &mut Stmt) -> Option<&mut Vec<Attribute>> {
    match stmt {
        Stmt::Local(local) => Some(&mut local.attrs),
        Stmt::Macro(mac) => Some(&mut mac.attrs),
        Stmt::Expr(expr, _) => attributes_of(expr),
        Stmt::Item(_) => None,
    }
}

/// The condition of `cfg(condition)` or `cfg_attr(condition, ..)`, and what the latter adds.
fn condition(attr: &Attribute) -> Option<(TokenStream, Vec<Meta>)> {
    if attr.path().is_ident("cfg") {
        return Some((attr.parse_args().ok()?, Vec::new()));
    }
    if attr.path().is_ident("cfg_attr") {
        let listed = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
        let mut metas = attr.parse_args_with(listed).ok()?.into_iter();
        return Some((metas.next()?.to_token_stream(), metas.collect()));
    }
    None
}

/// Visits the `match` inside a `route!`.
fn in_route(mac: &mut syn::ExprMacro, visit: impl FnOnce(&mut Expr)) {
    if nodes::is_macro(mac, "route")
        && let Ok(mut matching) = mac.mac.parse_body::<Expr>()
    {
        visit(&mut matching);
        mac.mac.tokens = matching.to_token_stream();
    }
}

#[derive(Default)]
struct Finder {
    conditions: Vec<TokenStream>,
}

impl Finder {
    fn note(&mut self, attrs: &[Attribute]) {
        for (condition, _) in attrs.iter().filter_map(condition) {
            if !self.conditions.iter().any(|known| known.to_string() == condition.to_string()) {
                self.conditions.push(condition);
            }
        }
    }
}

impl VisitMut for Finder {
    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        if let Some(attrs) = attributes(stmt) {
            self.note(attrs);
        }
        visit_mut::visit_stmt_mut(self, stmt);
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        self.note(&arm.attrs);
        visit_mut::visit_arm_mut(self, arm);
    }

    fn visit_expr_macro_mut(&mut self, mac: &mut syn::ExprMacro) {
        in_route(mac, |matching| self.visit_expr_mut(matching));
    }

    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
    fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut syn::ExprAsync) {}
}

struct Chooser<'a> {
    spelled: &'a [String],
    holds: &'a [bool],
}

impl Chooser<'_> {
    /// Takes the conditions out of `attrs`, puts in what they add, and says whether what they stand on stays.
    fn stays(&self, attrs: &mut Vec<Attribute>) -> bool {
        let mut stays = true;
        let mut chosen = Vec::new();
        for attr in attrs.drain(..) {
            let Some((condition, added)) = condition(&attr) else {
                chosen.push(attr);
                continue;
            };
            let text = condition.to_string();
            let known = self.spelled.iter().position(|known| *known == text);
            let holds = known.is_none_or(|known| self.holds[known]);
            if attr.path().is_ident("cfg") {
                stays &= holds;
            } else if holds {
                chosen.extend(added.into_iter().map(|meta| {
                    let attribute: Attribute = syn::parse_quote!(#[#meta]);
                    attribute
                }));
            }
        }
        *attrs = chosen;
        stays
    }
}

impl VisitMut for Chooser<'_> {
    fn visit_block_mut(&mut self, block: &mut Block) {
        block.stmts.retain_mut(|stmt| attributes(stmt).is_none_or(|attrs| self.stays(attrs)));
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_expr_match_mut(&mut self, matching: &mut syn::ExprMatch) {
        matching.arms.retain_mut(|arm| self.stays(&mut arm.attrs));
        visit_mut::visit_expr_match_mut(self, matching);
    }

    fn visit_expr_macro_mut(&mut self, mac: &mut syn::ExprMacro) {
        in_route(mac, |matching| self.visit_expr_mut(matching));
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if !matches!(expr, Expr::Closure(_) | Expr::Async(_)) {
            visit_mut::visit_expr_mut(self, expr);
        }
    }

    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}
