//! Syntax to graph: finds the steps in the user's code and puts a hole where each one stood.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, Local, LocalInit, Pat, Stmt};

use crate::diag::{Errors, Problem};
use crate::ir::nodes;
use crate::ir::uses::{self, Use};
use crate::ir::{Awaited, Code, Control, ControlKind, Graph, Item, LetTokens, Piece, Role, Step};
use crate::parse::jumps;
use crate::parse::policy::{self, Policies};

/// The name of hole `index` in an expression.
pub(crate) fn piece_hole(index: usize) -> Ident {
    format_ident!("__orch_piece_{index}")
}

/// The name of nested graph `index` in a control expression.
pub(crate) fn graph_hole(index: usize) -> Ident {
    format_ident!("__orch_graph_{index}")
}

/// The name of the awaited value in [`Step::adapt`].
pub(crate) fn awaited_hole() -> Ident {
    format_ident!("__orch_awaited", span = Span::mixed_site())
}

/// The graph of a block.
pub(crate) fn graph(block: Block, errors: &mut Errors) -> Graph {
    let mut items = Vec::with_capacity(block.stmts.len());
    let mut left = false;
    for stmt in block.stmts {
        let span = stmt.span();
        let diverges = matches!(&stmt, Stmt::Expr(Expr::Return(_) | Expr::Break(_) | Expr::Continue(_), _));
        let item = item(stmt, errors);
        if left && item.awaits() {
            errors.push(SpanOf(span), &Problem::NeverRuns);
        }
        left |= diverges;
        items.push(item);
    }
    Graph { items, ..Graph::default() }
}

/// Makes a span usable where tokens are asked for.
struct SpanOf(Span);

impl ToTokens for SpanOf {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(Some(TokenTree::from(proc_macro2::Literal::u8_suffixed(0))).map(|mut token| {
            token.set_span(self.0);
            token
        }));
    }
}

/// One statement.
pub(crate) fn item(stmt: Stmt, errors: &mut Errors) -> Item {
    let mut uses = uses::of_stmt(&stmt);
    let source = matches!(stmt, Stmt::Local(_)).then(|| stmt.clone());
    let (escapes, fails) = jumps::leaves(&stmt);
    match stmt {
        Stmt::Local(Local {
            attrs,
            let_token,
            pat,
            init: Some(LocalInit { eq_token, expr, diverge }),
            semi_token,
            ..
        }) => {
            let tokens = LetTokens { start: let_token, eq: eq_token, semi: semi_token };
            let mut attrs = attrs;
            let policies = Policies::take(&mut attrs, errors);
            add_policy_uses(&policies, &mut uses);
            let (pat, ty) = match pat {
                Pat::Type(typed) => (*typed.pat, Some(*typed.ty)),
                pat => (pat, None),
            };
            let defines = uses::bound_by(&pat);
            let name = defines.first().map(ToString::to_string);
            let code = code(*expr, policies, name.as_deref(), errors);
            let role = match diverge {
                Some((_, diverge)) => Role::LetElse {
                    attrs,
                    tokens,
                    pat,
                    ty,
                    diverge: self::code(*diverge, Policies::default(), None, errors),
                },
                None => {
                    let borrows = match &ty {
                        Some(ty) => mentions_borrow(ty),
                        None => !code.awaits() && !makes_its_own(&code.expr),
                    };
                    Role::Let { attrs, tokens, pat, ty, borrows }
                }
            };
            Item { role, code, source, defines, uses, escapes, fails }
        }
        Stmt::Expr(mut expr, semi) => {
            let policies =
                attributes_of(&mut expr).map(|attrs| Policies::take(attrs, errors)).unwrap_or_default();
            add_policy_uses(&policies, &mut uses);
            let is_block = matches!(
                expr,
                Expr::If(_) | Expr::Match(_) | Expr::ForLoop(_) | Expr::While(_) | Expr::Loop(_)
            );
            for (policy, given) in [("or", policies.or.is_some()), ("when", policies.when.is_some())] {
                if let Some(at) = policies.given(policy)
                    && given
                    && semi.is_some()
                    && !is_block
                {
                    errors.push(at, &Problem::ValueUnused { policy });
                }
            }
            let role = if semi.is_none() && !is_block { Role::Tail } else { Role::Effect { semi } };
            let code = code(expr, policies, None, errors);
            Item { role, code, source, defines: Vec::new(), uses, escapes, fails }
        }
        other => {
            let code = Code { expr: Expr::Verbatim(TokenStream::new()), pieces: Vec::new() };
            let defines = match &other {
                Stmt::Local(local) => uses::bound_by(&local.pat),
                _ => Vec::new(),
            };
            Item { role: Role::Verbatim(Box::new(other)), code, source, defines, uses, escapes, fails }
        }
    }
}

fn add_policy_uses(policies: &Policies, uses: &mut Vec<Use>) {
    let cache = policies.cache.iter().flat_map(|cache| [&cache.store, &cache.key]);
    for expr in [&policies.when, &policies.or, &policies.limit].into_iter().flatten().chain(cache) {
        for found in uses::of_expr(expr) {
            match uses.iter_mut().find(|known| known.name == found.name) {
                Some(known) => {
                    known.mode = known.mode.max(found.mode);
                    known.is_value |= found.is_value;
                }
                None => uses.push(found),
            }
        }
    }
}

/// Whether plain code surely owns its value: literals, arithmetic, comparisons, casts, text put together, and methods
/// that by their names count, ask, or copy.
fn makes_its_own(expr: &Expr) -> bool {
    const OWNING: [&str; 16] = [
        "clone",
        "cloned",
        "contains",
        "count",
        "ends_with",
        "into_owned",
        "is_empty",
        "is_none",
        "is_some",
        "len",
        "starts_with",
        "to_lowercase",
        "to_owned",
        "to_string",
        "to_uppercase",
        "to_vec",
    ];
    match expr {
        Expr::Lit(_) | Expr::Binary(_) | Expr::Cast(_) => true,
        Expr::Unary(unary) => !matches!(unary.op, syn::UnOp::Deref(_)),
        Expr::Paren(inner) => makes_its_own(&inner.expr),
        Expr::Macro(mac) => nodes::is_macro(mac, "format"),
        Expr::MethodCall(call) => OWNING.iter().any(|name| call.method == name),
        _ => false,
    }
}

/// A type the user wrote with a reference or a lifetime in it: the value may borrow from another one.
fn mentions_borrow(ty: &syn::Type) -> bool {
    fn any(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '\''),
            TokenTree::Group(group) => any(group.stream()),
            _ => false,
        })
    }
    any(ty.to_token_stream())
}

/// An expression and the steps in it. `policies` are those of the statement it stands in.
pub(crate) fn code(mut expr: Expr, policies: Policies, binding: Option<&str>, errors: &mut Errors) -> Code {
    let mut carver = Carver { pieces: Vec::new(), binding, errors };
    carver.visit_expr_mut(&mut expr);
    let mut pieces = carver.pieces;
    attach(&mut expr, &mut pieces, policies, errors);
    Code { expr, pieces }
}

/// Gives the policies of a statement to the one step they can mean.
fn attach(expr: &mut Expr, pieces: &mut [Piece], policies: Policies, errors: &mut Errors) {
    let Some(first) = policies.given.first().cloned() else {
        return;
    };
    match pieces {
        [Piece::Step(step)] => {
            if step.question.is_none() && policies.needs_a_result() {
                for policy in ["retry", "timeout", "or", "hedge", "cache"] {
                    if let Some(given) = policies.given(policy) {
                        errors.push(given, &Problem::NeedsQuestionMark { policy });
                    }
                }
            }
            if let Some(name) = &policies.name {
                step.name = name.value();
            }
            let _ = expr;
            step.policies = policies;
        }
        [Piece::Control(control)] if matches!(control.kind, ControlKind::Loop { .. }) => {
            for given in &policies.given {
                if given != "max" {
                    errors.push(given, &Problem::NotAStep { policy: given.to_string() });
                }
            }
            control.kind = ControlKind::Loop { max: policies.max };
        }
        [] | [Piece::Control(_)] => errors.push(&first, &Problem::NotAStep { policy: first.to_string() }),
        _ => errors.push(&first, &Problem::SeveralAwaits),
    }
}

/// The attributes of an expression, where it can carry any.
pub(crate) fn attributes_of(expr: &mut Expr) -> Option<&mut Vec<syn::Attribute>> {
    Some(match expr {
        Expr::Try(inner) => &mut inner.attrs,
        Expr::Await(inner) => &mut inner.attrs,
        Expr::MethodCall(inner) => &mut inner.attrs,
        Expr::Field(inner) => &mut inner.attrs,
        Expr::Call(inner) => &mut inner.attrs,
        Expr::Path(inner) => &mut inner.attrs,
        Expr::Macro(inner) => &mut inner.attrs,
        Expr::ForLoop(inner) => &mut inner.attrs,
        Expr::While(inner) => &mut inner.attrs,
        Expr::Loop(inner) => &mut inner.attrs,
        Expr::If(inner) => &mut inner.attrs,
        Expr::Match(inner) => &mut inner.attrs,
        Expr::Block(inner) => &mut inner.attrs,
        // What stands before a statement, syn gives to its leftmost part.
        Expr::Assign(inner) => return attributes_of(&mut inner.left),
        Expr::Binary(inner) => return attributes_of(&mut inner.left),
        _ => return None,
    })
}

/// Replaces each awaited call by a hole.
struct Carver<'a> {
    pieces: Vec<Piece>,
    binding: Option<&'a str>,
    errors: &'a mut Errors,
}

impl Carver<'_> {
    fn hole(&mut self, piece: Piece) -> Expr {
        self.pieces.push(piece);
        let hole = piece_hole(self.pieces.len() - 1);
        syn::parse_quote!(#hole)
    }

    /// Carves out `expr` if it is `call.await`, `call.await?` or `call.await.map_err(f)?`.
    fn step(&mut self, expr: &mut Expr) -> bool {
        if let Some(attrs) = attributes_of(expr) {
            policy::refuse(attrs, self.errors);
        }
        let span = expr.span();
        let (mut inner, question) = match &*expr {
            Expr::Try(tried) => (Expr::clone(&tried.expr), Some(tried.question_token)),
            other => (other.clone(), None),
        };
        let Some(awaited) = receiver_await(&mut inner, question.is_some()) else {
            return false;
        };
        let adapt = match inner {
            Expr::Path(ref path) if path.path.is_ident(&awaited_hole()) => None,
            other => Some(other),
        };
        let awaited = nodes::awaited(awaited, self.errors);
        let name = self.name(&awaited);
        let step =
            Step { name, policies: Policies::default(), awaited, adapt, question, place: Vec::new(), span };
        *expr = self.hole(Piece::Step(Box::new(step)));
        true
    }

    fn name(&self, awaited: &Awaited) -> String {
        match awaited {
            Awaited::Call(code) => nodes::name_of_call(&code.expr, self.binding),
            Awaited::Route(_) => self.binding.unwrap_or("route").to_owned(),
            Awaited::FanOut(_) => self.binding.unwrap_or("fan_out").to_owned(),
        }
    }

    fn control(&mut self, expr: &mut Expr) {
        let mut original = expr.clone();
        let mut own =
            attributes_of(&mut original).map(|attrs| Policies::take(attrs, self.errors)).unwrap_or_default();
        let mut head = Carver { pieces: Vec::new(), binding: None, errors: self.errors };
        let mut graphs = Vec::new();
        let (kind, name) = match &mut original {
            Expr::If(branch) => {
                head.if_chain(branch, &mut graphs);
                (ControlKind::Choice, "if")
            }
            Expr::Match(matching) => {
                head.visit_expr_mut(&mut matching.expr);
                for arm in &mut matching.arms {
                    let label = arm.pat.to_token_stream().to_string();
                    head.nest(label, &mut arm.body, &mut graphs);
                }
                (ControlKind::Choice, "match")
            }
            Expr::ForLoop(looped) => {
                head.visit_expr_mut(&mut looped.expr);
                head.nest_block("each".to_owned(), &mut looped.body, &mut graphs);
                (ControlKind::Loop { max: own.max.take() }, "for")
            }
            Expr::While(looped) => {
                head.visit_expr_mut(&mut looped.cond);
                head.nest_block("each".to_owned(), &mut looped.body, &mut graphs);
                (ControlKind::Loop { max: own.max.take() }, "while")
            }
            Expr::Loop(looped) => {
                head.nest_block("each".to_owned(), &mut looped.body, &mut graphs);
                (ControlKind::Loop { max: own.max.take() }, "loop")
            }
            Expr::Block(block) => {
                head.nest_block("block".to_owned(), &mut block.block, &mut graphs);
                (ControlKind::Block, "block")
            }
            _ => return,
        };
        let head = head.pieces;
        let label = match &mut original {
            Expr::ForLoop(looped) => looped.label.take(),
            Expr::While(looped) => looped.label.take(),
            Expr::Loop(looped) => looped.label.take(),
            _ => None,
        };
        let control = Control { kind, name, expr: original, head, graphs, label, place: Vec::new() };
        *expr = self.hole(Piece::Control(Box::new(control)));
    }

    fn if_chain(&mut self, branch: &mut syn::ExprIf, graphs: &mut Vec<(String, Graph)>) {
        self.visit_expr_mut(&mut branch.cond);
        let label = if graphs.is_empty() { "then".to_owned() } else { format!("else if {}", graphs.len()) };
        self.nest_block(label, &mut branch.then_branch, graphs);
        match branch.else_branch.as_mut().map(|(_, otherwise)| &mut **otherwise) {
            Some(Expr::If(next)) => self.if_chain(next, graphs),
            Some(Expr::Block(block)) => self.nest_block("else".to_owned(), &mut block.block, graphs),
            _ => {}
        }
    }

    fn nest_block(&mut self, label: String, block: &mut Block, graphs: &mut Vec<(String, Graph)>) {
        let hole = graph_hole(graphs.len());
        let brace = block.brace_token;
        let body = std::mem::replace(block, Block { brace_token: brace, stmts: Vec::new() });
        block.stmts.push(Stmt::Expr(syn::parse_quote!(#hole), None));
        graphs.push((label, graph(body, self.errors)));
    }

    /// Nests a match arm's body. A body that is not a block becomes one.
    fn nest(&mut self, label: String, body: &mut Box<Expr>, graphs: &mut Vec<(String, Graph)>) {
        if let Expr::Block(block) = &mut **body
            && block.label.is_none()
            && block.attrs.is_empty()
        {
            self.nest_block(label, &mut block.block, graphs);
            return;
        }
        let hole = graph_hole(graphs.len());
        let inner = std::mem::replace(&mut **body, syn::parse_quote!({ #hole }));
        let block = Block { brace_token: syn::token::Brace::default(), stmts: vec![Stmt::Expr(inner, None)] };
        graphs.push((label, graph(block, self.errors)));
    }
}

impl VisitMut for Carver<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if matches!(expr, Expr::Try(_) | Expr::Await(_)) && self.step(expr) {
            return;
        }
        match expr {
            Expr::Closure(closure) => {
                if let Some(found) = first_await(&closure.body) {
                    self.errors.push(found, &Problem::AwaitInClosure);
                }
            }
            Expr::Async(_) => {}
            Expr::Macro(mac) => {
                let ours = ["route", "fan_out", "pipeline"].iter().any(|name| nodes::is_macro(mac, name));
                if let Some(found) = (!ours).then(|| await_in(mac.mac.tokens.clone())).flatten() {
                    self.errors.push(found, &Problem::AwaitInMacro);
                }
            }
            Expr::If(_)
            | Expr::Match(_)
            | Expr::ForLoop(_)
            | Expr::While(_)
            | Expr::Loop(_)
            | Expr::Block(_)
                if first_await(expr).is_some() =>
            {
                self.control(expr);
            }
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}

/// Follows `inner` along its receivers to the `.await`, puts the placeholder there, and gives what was awaited.
fn receiver_await(inner: &mut Expr, follow: bool) -> Option<Expr> {
    match inner {
        Expr::Await(awaited) => {
            let base = (*awaited.base).clone();
            let hole = awaited_hole();
            *inner = syn::parse_quote!(#hole);
            Some(base)
        }
        Expr::MethodCall(call) if follow => receiver_await(&mut call.receiver, true),
        _ => None,
    }
}

/// The `await` in the arguments of somebody else's macro, if there is one.
fn await_in(tokens: TokenStream) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "await" => Some(ident),
        TokenTree::Group(group) => await_in(group.stream()),
        _ => None,
    })
}

/// The first `.await` in `expr`, closures and async blocks aside.
pub(crate) fn first_await(expr: &Expr) -> Option<&syn::ExprAwait> {
    struct First<'ast>(Option<&'ast syn::ExprAwait>);
    impl<'ast> syn::visit::Visit<'ast> for First<'ast> {
        fn visit_expr_await(&mut self, found: &'ast syn::ExprAwait) {
            self.0.get_or_insert(found);
        }
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
        fn visit_item(&mut self, _: &'ast syn::Item) {}
    }
    let mut first = First(None);
    syn::visit::Visit::visit_expr(&mut first, expr);
    first.0
}
