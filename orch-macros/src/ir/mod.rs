//! The graph every macro compiles to: pure data, in program order.
//!
//! A [`Graph`] is one block of statements. A statement is an [`Item`]; the code of an item keeps the user's
//! own expression, in which each awaited call has been replaced by a numbered hole that names a [`Piece`].

use std::cell::OnceCell;
use std::collections::HashSet;
use std::rc::Rc;

use proc_macro2::Span;
use syn::{Expr, Ident, Label, Pat, Stmt, Token, Type};

pub(crate) mod build;
pub(crate) mod cfg;
pub(crate) mod nodes;
pub(crate) mod schedule;
pub(crate) mod uses;

use crate::parse::policy::Policies;
use schedule::Scheduled;
use uses::Use;

/// A block: statements in program order.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) items: Vec<Item>,
    /// Arguments taken by reference: naming one never moves it.
    pub(crate) lent: HashSet<String>,
    /// Names that come from around the block: arguments, and what blocks around this one define.
    pub(crate) outer: HashSet<String>,
    /// Those of them that can be changed: whoever names one keeps program order.
    pub(crate) exclusive: HashSet<String>,
    /// What the schedule was found to be: the plan, the lending and the code all ask, once the block is surrounded.
    pub(crate) scheduled: OnceCell<Rc<Scheduled>>,
}

/// One statement of a block.
pub(crate) struct Item {
    pub(crate) role: Role,
    pub(crate) code: Code,
    /// A `let` as the user wrote it: what it uses may have to be lent to it.
    pub(crate) source: Option<Stmt>,
    /// The names this statement brings into scope.
    pub(crate) defines: Vec<Ident>,
    /// The names it needs, whoever defines them.
    pub(crate) uses: Vec<Use>,
    /// Whether control may leave the block through here: `return`, or `break` and `continue` of a loop around.
    pub(crate) escapes: bool,
    /// Whether there is a `?` in it that leaves the block.
    pub(crate) fails: bool,
}

/// What a statement is to the schedule.
pub(crate) enum Role {
    /// `let pat: ty = code;`: runs as soon as what it uses is ready.
    Let { attrs: Vec<syn::Attribute>, tokens: LetTokens, pat: Pat, ty: Option<Type>, borrows: bool },
    /// `let pat = code else { .. };`: as `Let`, but an ordering point.
    LetElse { attrs: Vec<syn::Attribute>, tokens: LetTokens, pat: Pat, ty: Option<Type>, diverge: Code },
    /// A statement for its effect: waits for all above, and all below wait for it.
    Effect { semi: Option<Token![;]> },
    /// The value of the block.
    Tail,
    /// An item, a macro statement or a `let` without a value, kept as written.
    Verbatim(Box<Stmt>),
}

/// The user's own `let`, `=` and `;`: what rustc says of a statement points at them.
#[derive(Clone, Copy)]
pub(crate) struct LetTokens {
    pub(crate) start: Token![let],
    pub(crate) eq: Token![=],
    pub(crate) semi: Token![;],
}

/// An expression whose awaited calls are holes, `__orch_piece_N` for `pieces[N]`.
pub(crate) struct Code {
    pub(crate) expr: Expr,
    pub(crate) pieces: Vec<Piece>,
}

/// What a hole stands for.
pub(crate) enum Piece {
    Step(Box<Step>),
    Control(Box<Control>),
}

/// One `.await`, one stage, one arm or one branch.
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) policies: Policies,
    pub(crate) awaited: Awaited,
    /// What is done with the awaited value before the `?`; the value is the name `__orch_awaited`.
    pub(crate) adapt: Option<Expr>,
    /// The `?` after the await, if there is one.
    pub(crate) question: Option<Token![?]>,
    /// Where the step stands in the plan: step, branch, step, and so on. Set when the plan is drawn.
    pub(crate) place: Vec<usize>,
    pub(crate) span: Span,
}

/// What a step waits for.
pub(crate) enum Awaited {
    /// A call, or any other expression that gives a future.
    Call(Code),
    Route(Route),
    FanOut(FanOut),
}

/// `route!(match scrutinee { .. })`
pub(crate) struct Route {
    /// The macro's own path, where the user wrote one: its import is in use.
    pub(crate) written: Option<syn::Path>,
    pub(crate) scrutinee: Code,
    pub(crate) match_token: Token![match],
    pub(crate) brace: syn::token::Brace,
    pub(crate) arms: Vec<Arm>,
}

/// One way a route can go.
pub(crate) struct Arm {
    pub(crate) attrs: Vec<syn::Attribute>,
    pub(crate) pat: Pat,
    pub(crate) fat_arrow: Token![=>],
    pub(crate) step: Step,
}

/// `fan_out!(..)` and the methods called on it.
pub(crate) struct FanOut {
    /// As [`Route::written`].
    pub(crate) written: syn::Path,
    pub(crate) shape: Shape,
    /// Method calls after the macro, like `.settle()`, in the order written.
    pub(crate) methods: Vec<(Ident, Vec<Expr>)>,
}

/// The form of a fan-out.
pub(crate) enum Shape {
    /// `fan_out!(risk = .., mood = ..)`
    Named(Vec<Branch>),
    /// `fan_out!(Views { risk: .., mood: .. })`
    Struct(syn::Path, Vec<Branch>),
    /// `fan_out!(for chunk in chunks { .. })`
    Map(Box<Map>),
}

/// One branch of a fan-out, and the field it fills.
pub(crate) struct Branch {
    pub(crate) field: Ident,
    pub(crate) step: Step,
}

/// The same call for each element of a collection.
pub(crate) struct Map {
    pub(crate) pat: Pat,
    pub(crate) over: Code,
    /// Statements before the future.
    pub(crate) before: Vec<Stmt>,
    pub(crate) step: Step,
}

/// `if`, `match`, a loop or a block with steps inside.
pub(crate) struct Control {
    pub(crate) kind: ControlKind,
    pub(crate) name: &'static str,
    /// The expression, with `__orch_graph_N` where the N-th of `graphs` stands.
    pub(crate) expr: Expr,
    /// Pieces in the head: a condition or a scrutinee that awaits.
    pub(crate) head: Vec<Piece>,
    pub(crate) graphs: Vec<(String, Graph)>,
    pub(crate) label: Option<Label>,
    /// As [`Step::place`].
    pub(crate) place: Vec<usize>,
}

/// How often the graphs of a [`Control`] run.
pub(crate) enum ControlKind {
    /// At most one of them, once.
    Choice,
    /// All of them, once.
    Block,
    /// The only one, again and again; `max` bounds it, where it is not a finite `for`.
    Loop { max: Option<Expr> },
}

impl Code {
    /// Whether anything in here is awaited.
    pub(crate) fn awaits(&self) -> bool {
        !self.pieces.is_empty()
    }
}

impl Item {
    /// Whether anything in here is awaited.
    pub(crate) fn awaits(&self) -> bool {
        self.code.awaits() || matches!(&self.role, Role::LetElse { diverge, .. } if diverge.awaits())
    }

    /// The item's step, when the item is `let pat = call.await?;` and nothing else.
    pub(crate) fn only_step(&self) -> Option<&Step> {
        match (&self.code.expr, self.code.pieces.as_slice()) {
            (Expr::Path(_), [Piece::Step(step)]) => Some(step),
            _ => None,
        }
    }
}

impl Graph {
    /// Makes what stands around the block known, here and in all nested graphs.
    pub(crate) fn surround(
        &mut self,
        lent: &HashSet<String>,
        outer: &HashSet<String>,
        exclusive: &HashSet<String>,
    ) {
        (self.lent, self.outer, self.exclusive) = (lent.clone(), outer.clone(), exclusive.clone());
        let (mut lent, mut outer, mut exclusive) = (lent.clone(), outer.clone(), exclusive.clone());
        for item in &mut self.items {
            for piece in &mut item.code.pieces {
                if let Piece::Control(control) = piece {
                    for (_, graph) in &mut control.graphs {
                        graph.surround(&lent, &outer, &exclusive);
                    }
                }
            }
            for ident in &item.defines {
                let name = uses::name_of(ident);
                lent.remove(&name);
                exclusive.remove(&name);
                if let Role::Let { pat, .. } | Role::LetElse { pat, .. } = &item.role
                    && uses::binds_mut(pat, &ident.to_string())
                {
                    exclusive.insert(name.clone());
                }
                outer.insert(name);
            }
            // Declared now and given a value later: that changes it.
            if let Role::Verbatim(stmt) = &item.role
                && let Stmt::Local(local) = &**stmt
            {
                exclusive.extend(uses::bound_by(&local.pat).iter().map(uses::name_of));
            }
        }
    }

    /// Calls `visit` for each step in here, those of nested graphs included.
    pub(crate) fn each_step<'a>(&'a self, visit: &mut dyn FnMut(&'a Step)) {
        for item in &self.items {
            item.code.each_step(visit);
            if let Role::LetElse { diverge, .. } = &item.role {
                diverge.each_step(visit);
            }
        }
    }

    /// Calls `visit` for each nested control structure.
    pub(crate) fn each_control<'a>(&'a self, visit: &mut dyn FnMut(&'a Control)) {
        for item in &self.items {
            for piece in &item.code.pieces {
                if let Piece::Control(control) = piece {
                    visit(control);
                    for (_, graph) in &control.graphs {
                        graph.each_control(visit);
                    }
                }
            }
        }
    }
}

impl Code {
    pub(crate) fn each_step<'a>(&'a self, visit: &mut dyn FnMut(&'a Step)) {
        for piece in &self.pieces {
            match piece {
                Piece::Step(step) => step.each_step(visit),
                Piece::Control(control) => {
                    for piece in &control.head {
                        if let Piece::Step(step) = piece {
                            step.each_step(visit);
                        }
                    }
                    for (_, graph) in &control.graphs {
                        graph.each_step(visit);
                    }
                }
            }
        }
    }
}

impl Route {
    /// Whether a policy of an arm looks at the arm's success or failure.
    pub(crate) fn judges(&self) -> bool {
        self.arms.iter().any(|arm| arm.step.policies.needs_a_result())
    }
}

impl Step {
    /// Whether the step is a call of a function that is no workflow.
    pub(crate) fn is_a_call(&self) -> bool {
        matches!(self.awaited, Awaited::Call(_)) && self.policies.flow.is_none()
    }

    /// Whether the step is a call, and nothing is done around it but to await it.
    pub(crate) fn is_plain_call(&self) -> bool {
        self.is_a_call() && !self.policies.change_the_call()
    }

    /// The path of the macro that was read as part of the graph, if the step is one.
    pub(crate) fn written(&self) -> Option<&syn::Path> {
        match &self.awaited {
            Awaited::Route(route) => route.written.as_ref(),
            Awaited::FanOut(fan_out) => Some(&fan_out.written),
            Awaited::Call(_) => None,
        }
    }

    /// Calls `visit` for this step and each step inside it.
    pub(crate) fn each_step<'a>(&'a self, visit: &mut dyn FnMut(&'a Step)) {
        visit(self);
        match &self.awaited {
            Awaited::Call(code) => code.each_step(visit),
            Awaited::Route(route) => {
                route.scrutinee.each_step(visit);
                for arm in &route.arms {
                    arm.step.each_step(visit);
                }
            }
            Awaited::FanOut(fan_out) => match &fan_out.shape {
                Shape::Named(branches) | Shape::Struct(_, branches) => {
                    for branch in branches {
                        branch.step.each_step(visit);
                    }
                }
                Shape::Map(map) => {
                    map.over.each_step(visit);
                    map.step.each_step(visit);
                }
            },
        }
    }
}
