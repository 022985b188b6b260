//! `#[tool]`: what a function says of itself.

use proc_macro2::{Ident, TokenStream};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Expr, ExprLit, FnArg, ItemFn, Lit, LitInt, Pat, PatType, Path, ReturnType, Token, Type,
    TypeReference,
};

use crate::diag::{Errors, Problem};
use crate::parse::doc;
use crate::parse::policy::{Effect, Policies};

/// What a tool may say of itself besides its signature.
const POLICIES: [&str; 3] = ["timeout", "effect", "name"];

/// A tool, as its function declares it.
pub(crate) struct Tool {
    /// The function, without what only the macro reads.
    pub(crate) function: ItemFn,
    /// What the host lends: arguments by reference.
    pub(crate) lent: Vec<(Ident, TypeReference)>,
    /// What the model says: arguments by value, with their comments and other attributes.
    pub(crate) asked: Vec<(Vec<Attribute>, Ident, Type)>,
    /// The names of all arguments, in order, and whether each is lent.
    pub(crate) order: Vec<(Ident, bool)>,
    pub(crate) name: String,
    pub(crate) description: String,
    /// None: it only reads.
    pub(crate) effect: Option<Effect>,
    /// In milliseconds.
    pub(crate) timeout: Option<u64>,
    /// In bytes.
    pub(crate) max_bytes: Option<LitInt>,
    pub(crate) krate: Option<Path>,
}

impl Tool {
    /// Reads the function and checks what only the macro can see.
    pub(crate) fn read(options: TokenStream, mut function: ItemFn, errors: &mut Errors) -> Self {
        let policies = policies(&mut function.attrs, errors);
        let sig = &mut function.sig;
        if sig.asyncness.is_none() {
            errors.push(sig.fn_token, &Problem::ToolNotAsync);
        }
        if matches!(sig.output, ReturnType::Default) {
            errors.push(&sig.ident, &Problem::ToolNeedsResult);
        }
        if let Some(lifetime) = sig.generics.lifetimes().next() {
            errors.push(lifetime, &Problem::ToolLifetime);
        }
        let (mut lent, mut asked, mut order) = (Vec::new(), Vec::new(), Vec::new());
        for input in &mut sig.inputs {
            let PatType { attrs, pat, ty, .. } = match input {
                FnArg::Typed(argument) => argument,
                FnArg::Receiver(receiver) => {
                    errors.push(receiver, &Problem::ToolReceiver);
                    continue;
                }
            };
            let Pat::Ident(name) = &**pat else {
                errors.push(&*pat, &Problem::ToolPattern);
                continue;
            };
            let ident = name.ident.clone();
            match &**ty {
                Type::Reference(reference) => {
                    order.push((ident.clone(), true));
                    lent.push((ident, reference.clone()));
                }
                Type::ImplTrait(_) => errors.push(&*ty, &Problem::ToolImplTrait),
                _ => {
                    order.push((ident.clone(), false));
                    asked.push((std::mem::take(attrs), ident, (**ty).clone()));
                }
            }
        }
        let description = doc::lines(&function.attrs).collect::<Vec<_>>().join("\n").trim().to_owned();
        if description.is_empty() {
            errors.push(&function.sig.ident, &Problem::ToolNoDescription);
        }
        let name = match &policies.name {
            Some(name) => name.value(),
            None => function.sig.ident.to_string(),
        };
        let valid = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(valid) {
            match &policies.name {
                Some(given) => errors.push(given, &Problem::ToolName { name: name.clone() }),
                None => errors.push(&function.sig.ident, &Problem::ToolName { name: name.clone() }),
            }
        }
        let Keys { reads, max_bytes, krate } = Keys::read(options, errors);
        let Policies { effect, timeout, .. } = policies;
        match (&reads, &effect) {
            (Some(reads), Some(_)) => errors.push(reads, &Problem::ToolReadsAndEffect),
            // A key that could not be read may have been meant for it.
            (None, None) if errors.is_empty() => {
                errors.push(&function.sig.ident, &Problem::ToolEffect { name: name.clone() });
            }
            _ => {}
        }
        let timeout = timeout.and_then(|timeout| timeout.attempt.or(timeout.total));
        Self { function, lent, asked, order, name, description, effect, timeout, max_bytes, krate }
    }
}

/// The policies of the function, out of its attributes. What is none is rustc's business.
fn policies(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Policies {
    let is_policy = |attr: &Attribute| {
        attr.path()
            .get_ident()
            .is_some_and(|name| crate::parse::policy::NAMES.iter().any(|known| name == known))
    };
    let (mut given, rest) = std::mem::take(attrs).into_iter().partition::<Vec<_>, _>(is_policy);
    *attrs = rest;
    // An attribute of Rust's that is called like a policy would be one here.
    given.retain(|attr| {
        let Some(name) = attr.path().get_ident() else { return true };
        let fits = POLICIES.iter().any(|known| name == known);
        if !fits {
            errors.push(name, &Problem::ToolPolicy { policy: name.to_string() });
        }
        fits
    });
    Policies::take(&mut given, errors)
}

/// `#[tool(reads, max_bytes = 4096, crate = path)]`
#[derive(Default)]
struct Keys {
    reads: Option<Ident>,
    max_bytes: Option<LitInt>,
    krate: Option<Path>,
}

impl Keys {
    fn read(options: TokenStream, errors: &mut Errors) -> Self {
        let mut read = Self::default();
        let parser = Punctuated::<Key, Token![,]>::parse_terminated;
        let keys = match syn::parse::Parser::parse2(parser, options) {
            Ok(keys) => keys,
            Err(error) => {
                errors.syntax(&error);
                return read;
            }
        };
        for Key { name, value } in keys {
            match (name.to_string().as_str(), value) {
                ("reads", None) => read.reads = Some(name),
                ("max_bytes", Some(Expr::Lit(ExprLit { lit: Lit::Int(bytes), .. }))) => {
                    read.max_bytes = Some(bytes);
                }
                ("crate", Some(Expr::Path(path))) => read.krate = Some(path.path),
                _ => errors.push(&name, &Problem::ToolKey { found: name.to_string() }),
            }
        }
        read
    }
}

struct Key {
    name: Ident,
    value: Option<Expr>,
}

impl syn::parse::Parse for Key {
    fn parse(input: syn::parse::ParseStream) -> syn::Result<Self> {
        let name = syn::ext::IdentExt::parse_any(input)?;
        let value = input.peek(Token![=]).then(|| {
            input.parse::<Token![=]>()?;
            input.parse::<Expr>()
        });
        Ok(Self { name, value: value.transpose()? })
    }
}
