//! Which names a piece of code needs, and how it takes each.

use std::collections::HashSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ExprMacro, Ident, Member, Pat, PatIdent, Stmt};

use crate::ir::nodes::is_macro;
use crate::parse::fan_out::FanOutSyntax;
use crate::parse::repair::FILLER;

/// The suffix rust-analyzer puts on the name at the cursor while it completes. A name that carries it is the
/// name before it, so that the graph, and with it the shape of the expansion, stays the same.
const COMPLETION_MARKER: &str = "raCompletionMarker";

/// One name a statement needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    /// Whether it stands for a value somewhere, and not only for a function that is called or inside a macro.
    pub(crate) is_value: bool,
    /// The one field that is taken, where it is one: others may take others at the same time.
    pub(crate) field: Option<String>,
}

impl Use {
    /// Whether two uses of one name may get in each other's way.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (&self.field, &other.field) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => true,
        }
    }
}

/// How a name is taken, as far as its spelling tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// `&name`, `name.method()`, or inside a macro.
    Shared,
    /// `name` alone: moved, unless its type is `Copy`.
    ByValue,
    /// `&mut name`, or assigned to.
    Exclusive,
}

/// The name of `ident`, whoever asks. It is empty where no name has been written yet.
pub(crate) fn name_of(ident: &Ident) -> String {
    let name = ident.to_string();
    if name == FILLER {
        return String::new();
    }
    name.strip_suffix(COMPLETION_MARKER).map_or_else(|| name.clone(), str::to_owned)
}

/// The free names of an expression.
pub(crate) fn of_expr(expr: &Expr) -> Vec<Use> {
    let mut finder = Finder::default();
    finder.value(expr);
    finder.found
}

/// The free names of a statement.
pub(crate) fn of_stmt(stmt: &Stmt) -> Vec<Use> {
    let mut finder = Finder::default();
    finder.scopes.push(HashSet::new());
    finder.visit_stmt(stmt);
    finder.found
}

/// The names a pattern binds.
pub(crate) fn bound_by(pat: &Pat) -> Vec<Ident> {
    struct Binders(Vec<Ident>);
    impl<'ast> Visit<'ast> for Binders {
        fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
            self.0.push(pat.ident.clone());
            visit::visit_pat_ident(self, pat);
        }
        fn visit_expr(&mut self, _: &'ast Expr) {}
    }
    let mut binders = Binders(Vec::new());
    binders.visit_pat(pat);
    binders.0
}

/// Whether a pattern binds anything as `mut`.
pub(crate) fn binds_mut(pat: &Pat, name: &str) -> bool {
    struct Mut<'a>(bool, &'a str);
    impl<'ast> Visit<'ast> for Mut<'_> {
        fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
            self.0 |= pat.mutability.is_some() && pat.ident == self.1;
            visit::visit_pat_ident(self, pat);
        }
    }
    let mut found = Mut(false, name);
    found.visit_pat(pat);
    found.0
}

#[derive(Default)]
struct Finder {
    scopes: Vec<HashSet<String>>,
    found: Vec<Use>,
}

impl Finder {
    fn add(&mut self, place: &Place<'_>, mode: Mode) {
        self.note(place.root, place.field.clone(), mode, true);
    }

    fn note(&mut self, ident: &Ident, field: Option<String>, mode: Mode, is_value: bool) {
        let name = name_of(ident);
        if self.scopes.iter().any(|scope| scope.contains(&name)) {
            return;
        }
        self.merge(Use { name, mode, is_value, field });
    }

    fn merge(&mut self, one: Use) {
        match self.found.iter_mut().find(|found| found.name == one.name) {
            Some(found) => {
                found.mode = found.mode.max(one.mode);
                found.is_value |= one.is_value;
                if found.field != one.field {
                    found.field = None;
                }
            }
            None => self.found.push(one),
        }
    }

    fn scoped(&mut self, names: &[Ident], inside: impl FnOnce(&mut Self)) {
        self.scopes.push(names.iter().map(name_of).collect());
        inside(self);
        self.scopes.pop();
    }

    fn bind(&mut self, pat: &Pat) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.extend(bound_by(pat).iter().map(name_of));
        }
    }

    /// `expr` used for its value.
    fn value(&mut self, expr: &Expr) {
        match place(expr) {
            Some(place) => self.add(&place, Mode::ByValue),
            None => self.visit_expr(expr),
        }
    }

    /// `expr` borrowed, whole or in part.
    fn borrowed(&mut self, expr: &Expr, mode: Mode) {
        match place(expr) {
            Some(place) => self.add(&place, mode),
            None => self.visit_expr(expr),
        }
    }

    /// Our own macros are read; those that format borrow; any other may take what is not behind a `&`.
    fn macro_call(&mut self, mac: &ExprMacro) {
        let tokens = mac.mac.tokens.clone();
        if is_macro(mac, "route") {
            if let Ok(expr) = syn::parse2::<Expr>(tokens.clone()) {
                self.value(&expr);
                return;
            }
        } else if is_macro(mac, "fan_out")
            && let Ok(syntax) = syn::parse2::<FanOutSyntax>(tokens.clone())
        {
            self.fan_out(&syntax);
            return;
        }
        let mode =
            if BORROWING.iter().any(|name| is_macro(mac, name)) { Mode::Shared } else { Mode::ByValue };
        self.tokens(tokens, mode);
    }

    fn fan_out(&mut self, syntax: &FanOutSyntax) {
        match syntax {
            FanOutSyntax::Named(branches) => {
                for branch in branches {
                    self.value(&branch.future);
                }
            }
            FanOutSyntax::Struct(literal) => {
                for field in &literal.fields {
                    self.value(&field.expr);
                }
            }
            FanOutSyntax::Map(looped) => {
                self.value(&looped.expr);
                self.scoped(&bound_by(&looped.pat), |finder| finder.visit_block(&looped.body));
            }
        }
    }

    fn tokens(&mut self, tokens: TokenStream, mode: Mode) {
        let (mut after_dot, mut after_and) = (false, false);
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            let called =
                matches!(tokens.get(index + 1), Some(TokenTree::Punct(next)) if next.as_char() == '.');
            match token {
                TokenTree::Ident(ident) if !after_dot => {
                    let mode = if after_and || called { Mode::Shared } else { mode };
                    self.note(ident, None, mode, false);
                }
                TokenTree::Group(group) => self.tokens(group.stream(), mode),
                TokenTree::Literal(literal) => {
                    for name in captured(&literal.to_string()) {
                        if let Ok(ident) = syn::parse_str::<Ident>(name) {
                            self.note(&ident, None, Mode::Shared, false);
                        }
                    }
                }
                _ => {}
            }
            let is = |wanted| matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted);
            (after_dot, after_and) = (is('.'), is('&'));
        }
    }
}

/// A variable, or a part of one.
struct Place<'a> {
    root: &'a Ident,
    /// The first field, as in `root.field.further`.
    field: Option<String>,
}

/// What `a`, `a.b` or `(a).b.0` stands for.
fn place(expr: &Expr) -> Option<Place<'_>> {
    match expr {
        Expr::Path(path) if path.qself.is_none() => {
            path.path.get_ident().map(|root| Place { root, field: None })
        }
        Expr::Field(field) => place(&field.base).map(|base| Place {
            field: base.field.or_else(|| Some(field.member.to_token_stream().to_string())),
            ..base
        }),
        Expr::Paren(paren) => place(&paren.expr),
        Expr::Group(group) => place(&group.expr),
        _ => None,
    }
}

/// Macros of the standard library and of logging that borrow what they are given.
const BORROWING: [&str; 24] = [
    "format",
    "format_args",
    "print",
    "println",
    "eprint",
    "eprintln",
    "write",
    "writeln",
    "panic",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "matches",
    "concat",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "span",
];

/// Methods that take their receiver, by the naming rules of the standard library.
fn consumes(method: &Ident) -> bool {
    let name = method.to_string();
    ["into", "unwrap", "expect"]
        .iter()
        .any(|prefix| name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')))
}

/// The names a format string captures: `{name}`, `{name:?}`, `{value:>width$.precision$}`.
fn captured(literal: &str) -> impl Iterator<Item = &str> {
    let inside = literal.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    inside
        .flat_map(|hole| {
            let (name, format) = hole.split_once(':').unwrap_or((hole, ""));
            let sizes = format.split('$').rev().skip(1).map(|part| {
                part.rsplit(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
                    .next()
                    .unwrap_or_default()
            });
            std::iter::once(name.trim()).chain(sizes)
        })
        .filter(|name| !name.is_empty() && !name.starts_with(|letter: char| letter.is_ascii_digit()))
}

impl<'ast> Visit<'ast> for Finder {
    #[allow(clippy::too_many_lines, reason = "an arm for each kind of expression")]
    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Path(_) | Expr::Field(_) => match place(expr) {
                Some(place) => self.add(&place, Mode::ByValue),
                None => visit::visit_expr(self, expr),
            },
            Expr::Reference(reference) => {
                let mode = if reference.mutability.is_some() { Mode::Exclusive } else { Mode::Shared };
                self.borrowed(&reference.expr, mode);
            }
            Expr::Call(call) => {
                match place(&call.func) {
                    Some(function) => self.note(function.root, None, Mode::Shared, false),
                    None => self.visit_expr(&call.func),
                }
                for arg in &call.args {
                    self.value(arg);
                }
            }
            Expr::MethodCall(call) => {
                let mode = if consumes(&call.method) { Mode::ByValue } else { Mode::Shared };
                self.borrowed(&call.receiver, mode);
                for arg in &call.args {
                    self.value(arg);
                }
            }
            Expr::Index(index) => {
                self.borrowed(&index.expr, Mode::Shared);
                self.value(&index.index);
            }
            Expr::Assign(assign) => {
                self.borrowed(&assign.left, Mode::Exclusive);
                self.value(&assign.right);
            }
            Expr::Binary(binary) => {
                if assigns(&binary.op) {
                    self.borrowed(&binary.left, Mode::Exclusive);
                    self.value(&binary.right);
                } else if compares(&binary.op) {
                    self.borrowed(&binary.left, Mode::Shared);
                    self.borrowed(&binary.right, Mode::Shared);
                } else {
                    self.value(&binary.left);
                    self.value(&binary.right);
                }
            }
            Expr::Struct(literal) => {
                for field in &literal.fields {
                    if matches!(field.member, Member::Named(_)) || field.colon_token.is_some() {
                        self.value(&field.expr);
                    }
                }
                if let Some(rest) = &literal.rest {
                    self.value(rest);
                }
            }
            Expr::Closure(closure) => {
                let names: Vec<Ident> = closure.inputs.iter().flat_map(bound_by).collect();
                let before = std::mem::take(&mut self.found);
                self.scoped(&names, |finder| finder.value(&closure.body));
                let inside = std::mem::replace(&mut self.found, before);
                for found in inside {
                    let mode =
                        if closure.capture.is_some() { found.mode.max(Mode::ByValue) } else { found.mode };
                    self.merge(Use { mode, ..found });
                }
            }
            Expr::Match(matching) => {
                // A pattern that binds may take what it binds.
                let binds = matching.arms.iter().any(|arm| !bound_by(&arm.pat).is_empty());
                self.borrowed(&matching.expr, if binds { Mode::ByValue } else { Mode::Shared });
                for arm in &matching.arms {
                    self.scoped(&bound_by(&arm.pat), |finder| {
                        if let Pat::Guard(guarded) = &arm.pat {
                            finder.value(&guarded.guard);
                        }
                        finder.value(&arm.body);
                    });
                }
            }
            Expr::If(branch) => {
                self.scopes.push(HashSet::new());
                self.visit_expr(&branch.cond);
                self.visit_block(&branch.then_branch);
                self.scopes.pop();
                if let Some((_, otherwise)) = &branch.else_branch {
                    self.visit_expr(otherwise);
                }
            }
            Expr::While(looped) => {
                self.scopes.push(HashSet::new());
                self.visit_expr(&looped.cond);
                self.visit_block(&looped.body);
                self.scopes.pop();
            }
            Expr::Let(binding) => {
                let binds = !bound_by(&binding.pat).is_empty();
                self.borrowed(&binding.expr, if binds { Mode::ByValue } else { Mode::Shared });
                self.bind(&binding.pat);
            }
            Expr::ForLoop(looped) => {
                self.value(&looped.expr);
                self.scoped(&bound_by(&looped.pat), |finder| finder.visit_block(&looped.body));
            }
            Expr::Macro(mac) => self.macro_call(mac),
            _ => visit::visit_expr(self, expr),
        }
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.scoped(&[], |finder| {
            for stmt in &block.stmts {
                finder.visit_stmt(stmt);
            }
        });
    }

    fn visit_stmt(&mut self, stmt: &'ast Stmt) {
        match stmt {
            Stmt::Local(local) => {
                if let Some(init) = &local.init {
                    self.value(&init.expr);
                    if let Some((_, diverge)) = &init.diverge {
                        self.visit_expr(diverge);
                    }
                }
                self.bind(&local.pat);
            }
            Stmt::Expr(expr, _) => self.value(expr),
            Stmt::Macro(mac) => self.tokens(mac.mac.tokens.clone(), Mode::ByValue),
            Stmt::Item(_) => {}
        }
    }
}

fn compares(op: &BinOp) -> bool {
    matches!(op, BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_))
}

fn assigns(op: &BinOp) -> bool {
    use BinOp::{
        AddAssign, BitAndAssign, BitOrAssign, BitXorAssign, DivAssign, MulAssign, RemAssign, ShlAssign,
        ShrAssign, SubAssign,
    };
    matches!(
        op,
        AddAssign(_)
            | BitAndAssign(_)
            | BitOrAssign(_)
            | BitXorAssign(_)
            | DivAssign(_)
            | MulAssign(_)
            | RemAssign(_)
            | ShlAssign(_)
            | ShrAssign(_)
            | SubAssign(_)
    )
}

#[cfg(test)]
mod tests {
    use super::{Mode, of_expr};

    fn uses(source: &str) -> Vec<(String, Mode)> {
        let expr = syn::parse_str(source).unwrap();
        of_expr(&expr).into_iter().map(|found| (found.name, found.mode)).collect()
    }

    #[test]
    fn the_spelling_tells_how_a_name_is_taken() {
        assert_eq!(
            uses("f(&a, b, c.d)"),
            [
                ("f".into(), Mode::Shared),
                ("a".into(), Mode::Shared),
                ("b".into(), Mode::ByValue),
                ("c".into(), Mode::ByValue),
            ]
        );
        assert_eq!(uses("a.len()"), [("a".into(), Mode::Shared)]);
        assert_eq!(uses("&mut a.b"), [("a".into(), Mode::Exclusive)]);
        assert_eq!(uses("a += 1"), [("a".into(), Mode::Exclusive)]);
    }

    #[test]
    fn names_bound_inside_are_not_free() {
        assert_eq!(uses("|x| x + y"), [("y".into(), Mode::ByValue)]);
        assert_eq!(uses("{ let z = y; z }"), [("y".into(), Mode::ByValue)]);
        assert_eq!(
            uses("match y { Some(v) => v, None => w }"),
            [("y".into(), Mode::ByValue), ("w".into(), Mode::ByValue)]
        );
        assert_eq!(
            uses("if let Some(v) = y { v } else { w }"),
            [("y".into(), Mode::ByValue), ("w".into(), Mode::ByValue)]
        );
    }

    #[test]
    fn format_strings_capture() {
        assert_eq!(
            uses(r#"format!("{a} {b:?} {0} {{c}}", d)"#)[..2],
            [("a".into(), Mode::Shared), ("b".into(), Mode::Shared)]
        );
    }
}
