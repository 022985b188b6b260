//! How control may leave a piece of code: by a jump, or by a `?`.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Expr, Stmt};

/// Whether `expr` has a `return`, or a `break` or `continue` of a loop around it.
pub(crate) fn jumps(expr: &Expr) -> bool {
    leaves(&Stmt::Expr(expr.clone(), None)).0
}

/// Whether control may leave the block around `stmt` through it by a jump, and whether by a `?`.
pub(crate) fn leaves(stmt: &Stmt) -> (bool, bool) {
    #[derive(Default)]
    struct Leaves {
        loops: usize,
        jumps: bool,
        fails: bool,
    }
    impl<'ast> syn::visit::Visit<'ast> for Leaves {
        fn visit_expr(&mut self, expr: &'ast Expr) {
            match expr {
                Expr::Closure(_) | Expr::Async(_) => return,
                Expr::Return(_) => self.jumps = true,
                Expr::Break(found) => self.jumps |= self.loops == 0 || found.label.is_some(),
                Expr::Continue(found) => self.jumps |= self.loops == 0 || found.label.is_some(),
                Expr::Try(_) => self.fails = true,
                Expr::Macro(mac) => self.fails |= has_question_mark(mac.mac.tokens.clone()),
                _ => {}
            }
            let looped = matches!(expr, Expr::ForLoop(_) | Expr::While(_) | Expr::Loop(_));
            self.loops += usize::from(looped);
            syn::visit::visit_expr(self, expr);
            self.loops -= usize::from(looped);
        }
        fn visit_item(&mut self, _: &'ast syn::Item) {}
    }
    let mut leaves = Leaves::default();
    syn::visit::Visit::visit_stmt(&mut leaves, stmt);
    (leaves.jumps, leaves.fails)
}

fn has_question_mark(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => punct.as_char() == '?',
        TokenTree::Group(group) => has_question_mark(group.stream()),
        _ => false,
    })
}
