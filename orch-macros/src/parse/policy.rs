//! Policies: the attributes on a step.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, LitInt, LitStr, Meta, Token};

use crate::diag::{Errors, Problem, nearest};
use crate::parse::jumps;

/// The policies of one step.
#[derive(Default)]
pub(crate) struct Policies {
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) when: Option<Expr>,
    pub(crate) or: Option<Expr>,
    pub(crate) hedge: Option<u64>,
    pub(crate) cache: Option<Cache>,
    pub(crate) limit: Option<Expr>,
    pub(crate) effect: Option<Effect>,
    pub(crate) flow: Option<Ident>,
    pub(crate) stream: Option<Ident>,
    pub(crate) name: Option<LitStr>,
    pub(crate) max: Option<Expr>,
    /// The name of each policy given, in order: where errors about it point.
    pub(crate) given: Vec<Ident>,
}

/// `#[retry(3, backoff = 200ms..5s, when = path)]`
pub(crate) struct Retry {
    pub(crate) attempts: LitInt,
    /// The shortest and the longest wait, in milliseconds.
    pub(crate) backoff: Option<(u64, u64)>,
    pub(crate) when: Option<Expr>,
}

/// `#[timeout(30s, total = 60s)]`, in milliseconds.
pub(crate) struct Timeout {
    pub(crate) attempt: Option<u64>,
    pub(crate) total: Option<u64>,
}

/// `#[cache(store, key = expr)]`
pub(crate) struct Cache {
    pub(crate) store: Expr,
    pub(crate) key: Expr,
}

/// `#[effect]`, `#[effect(idempotent)]`
pub(crate) struct Effect {
    pub(crate) idempotent: bool,
}

pub(crate) const NAMES: [&str; 12] =
    ["retry", "timeout", "when", "or", "hedge", "cache", "limit", "effect", "flow", "name", "max", "stream"];
const PASS_THROUGH: [&str; 8] = ["allow", "expect", "warn", "deny", "forbid", "cfg", "cfg_attr", "doc"];

impl Policies {
    /// Takes the policies out of `attrs` and leaves what is rustc's business.
    pub(crate) fn take(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut policies = Self::default();
        attrs.retain(|attr| {
            let Some(name) = attr.path().get_ident() else {
                return true;
            };
            if PASS_THROUGH.iter().any(|pass| name == pass) {
                return true;
            }
            policies.read(name, attr, errors);
            false
        });
        policies
    }

    /// Whether the step needs more than a plain call and an await.
    pub(crate) fn change_the_call(&self) -> bool {
        self.when.is_some() || self.limit.is_some() || self.stream.is_some() || self.needs_a_result()
    }

    /// Whether a policy looks at the step's success or failure.
    pub(crate) fn needs_a_result(&self) -> bool {
        self.retry.is_some()
            || self.timeout.is_some()
            || self.or.is_some()
            || self.hedge.is_some()
            || self.cache.is_some()
    }

    /// The name by which the policy `name` was given: where an error about it points.
    pub(crate) fn given(&self, name: &str) -> Option<&Ident> {
        self.given.iter().find(|given| *given == name)
    }

    fn read(&mut self, name: &Ident, attr: &Attribute, errors: &mut Errors) {
        let text = name.to_string();
        if name == "deadline" {
            errors.push(name, &Problem::DeadlineOnStep);
            return;
        }
        if !NAMES.contains(&text.as_str()) {
            errors.push(name, &Problem::UnknownPolicy { nearest: nearest(&text, &NAMES), found: text });
            return;
        }
        if self.given.contains(name) {
            errors.push(name, &Problem::DuplicatePolicy { name: text });
            return;
        }
        self.given.push(name.clone());
        match text.as_str() {
            "retry" => self.retry = read_retry(attr, errors),
            "timeout" => self.timeout = read_timeout(attr, errors),
            "when" => {
                self.when = stays(argument(attr, "when", "#[when(ticket.urgent)]", errors), "when", errors);
            }
            "or" => self.or = stays(argument(attr, "or", "#[or(Notes::default())]", errors), "or", errors),
            "max" => self.max = argument(attr, "max", "#[max(8)]", errors),
            "name" => self.name = argument(attr, "name", "#[name(\"search\")]", errors),
            "limit" => self.limit = argument(attr, "limit", "#[limit(desk.limiter)]", errors),
            "hedge" => self.hedge = read_hedge(attr, errors),
            "cache" => self.cache = read_cache(attr, errors),
            "effect" => self.effect = read_effect(attr, errors),
            "stream" => self.stream = alone(name, attr, "stream", "#[stream]", errors),
            _ => self.flow = alone(name, attr, "flow", "#[flow]", errors),
        }
    }
}

/// A policy that takes no argument, as it was written, if it has none.
fn alone(
    written: &Ident,
    attr: &Attribute,
    name: &'static str,
    example: &'static str,
    errors: &mut Errors,
) -> Option<Ident> {
    if matches!(attr.meta, Meta::Path(_)) {
        return Some(written.clone());
    }
    errors.push(&attr.meta, &Problem::MalformedPolicy { name, example });
    None
}

/// Refuses policies where there is no statement to put them on, and takes them out.
pub(crate) fn refuse(attrs: &mut Vec<Attribute>, errors: &mut Errors) {
    attrs.retain(|attr| {
        let Some(name) = attr.path().get_ident() else { return true };
        if PASS_THROUGH.iter().any(|pass| name == pass) {
            return true;
        }
        errors.push(name, &Problem::PolicyInside { policy: name.to_string() });
        false
    });
}

/// Refuses conditions where a step cannot be left out.
pub(crate) fn refuse_conditions(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr")) {
        errors.push(&attr.meta, &Problem::ConditionInside);
    }
}

fn argument<T: Parse>(
    attr: &Attribute,
    name: &'static str,
    example: &'static str,
    errors: &mut Errors,
) -> Option<T> {
    attr.parse_args().map_err(|_| errors.push(&attr.meta, &Problem::MalformedPolicy { name, example })).ok()
}

/// An expression that gives a value: a jump in it would leave code the user has not written.
fn stays(expr: Option<Expr>, policy: &'static str, errors: &mut Errors) -> Option<Expr> {
    let expr = expr?;
    if jumps::jumps(&expr) {
        errors.push(&expr, &Problem::JumpInPolicy { policy });
        return None;
    }
    Some(expr)
}

/// `name = value` or `value`, as in an argument list.
struct Argument {
    key: Option<Ident>,
    value: TokenStream,
}

impl Parse for Argument {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let key = (input.peek(syn::Ident) && input.peek2(Token![=]))
            .then(|| {
                let key = input.parse::<Ident>()?;
                input.parse::<Token![=]>()?;
                Ok::<_, syn::Error>(key)
            })
            .transpose()?;
        let mut value = TokenStream::new();
        while !input.is_empty() && !input.peek(Token![,]) {
            value.extend(Some(input.parse::<proc_macro2::TokenTree>()?));
        }
        Ok(Self { key, value })
    }
}

fn arguments(attr: &Attribute) -> Option<Punctuated<Argument, Token![,]>> {
    attr.parse_args_with(Punctuated::parse_terminated).ok()
}

fn read_retry(attr: &Attribute, errors: &mut Errors) -> Option<Retry> {
    let malformed = Problem::MalformedPolicy { name: "retry", example: "#[retry(3, backoff = 200ms..5s)]" };
    let mut attempts = None;
    let mut backoff = None;
    let mut when = None;
    for argument in arguments(attr).unwrap_or_default() {
        match argument.key.as_ref().map(ToString::to_string).as_deref() {
            None if attempts.is_none() => match syn::parse2::<LitInt>(argument.value.clone()) {
                Ok(count) if count.suffix().is_empty() => {
                    if count.base10_parse::<u32>().is_ok_and(|count| count == 0) {
                        errors.push(&count, &Problem::ZeroAttempts);
                        return None;
                    }
                    attempts = Some(count);
                }
                _ => {
                    errors.push(&argument.value, &malformed);
                    return None;
                }
            },
            Some("backoff") if backoff.is_none() => backoff = Some(range(&argument.value, errors)?),
            Some("when") if when.is_none() => match syn::parse2::<Expr>(argument.value) {
                Ok(decide) => when = Some(decide),
                Err(_) => {
                    errors.push(&attr.meta, &malformed);
                    return None;
                }
            },
            _ => {
                errors.push(&attr.meta, &malformed);
                return None;
            }
        }
    }
    match attempts {
        Some(attempts) => Some(Retry { attempts, backoff, when }),
        None => {
            errors.push(&attr.meta, &malformed);
            None
        }
    }
}

fn read_timeout(attr: &Attribute, errors: &mut Errors) -> Option<Timeout> {
    let mut timeout = Timeout { attempt: None, total: None };
    for argument in arguments(attr).unwrap_or_default() {
        let slot = match argument.key.as_ref().map(ToString::to_string).as_deref() {
            None => &mut timeout.attempt,
            Some("total") => &mut timeout.total,
            Some(_) => {
                timeout = Timeout { attempt: None, total: None };
                break;
            }
        };
        *slot = Some(duration(&argument.value, errors)?);
    }
    if let (Some(attempt), Some(total)) = (timeout.attempt, timeout.total)
        && total < attempt
    {
        errors.push(&attr.meta, &Problem::TotalBelowAttempt);
    }
    if timeout.attempt.is_none() && timeout.total.is_none() {
        errors.push(
            &attr.meta,
            &Problem::MalformedPolicy { name: "timeout", example: "#[timeout(30s, total = 60s)]" },
        );
        return None;
    }
    Some(timeout)
}

fn read_hedge(attr: &Attribute, errors: &mut Errors) -> Option<u64> {
    let given = arguments(attr).unwrap_or_default();
    match given.first() {
        Some(Argument { key: Some(key), value }) if key == "after" && given.len() == 1 => {
            duration(value, errors)
        }
        _ => {
            errors.push(
                &attr.meta,
                &Problem::MalformedPolicy { name: "hedge", example: "#[hedge(after = 300ms)]" },
            );
            None
        }
    }
}

pub(crate) fn read_cache(attr: &Attribute, errors: &mut Errors) -> Option<Cache> {
    let parser = |input: ParseStream| {
        let store = input.parse::<Expr>()?;
        input.parse::<Token![,]>()?;
        let key = input.parse::<Ident>()?;
        if key != "key" {
            return Err(syn::Error::new(key.span(), "expected `key`"));
        }
        input.parse::<Token![=]>()?;
        Ok(Cache { store, key: input.parse()? })
    };
    attr.parse_args_with(parser)
        .map_err(|_| {
            let problem =
                Problem::MalformedPolicy { name: "cache", example: "#[cache(desk.cache, key = ticket.id)]" };
            errors.push(&attr.meta, &problem);
        })
        .ok()
}

/// Takes `#[deadline(60s)]` out of a workflow's attributes: milliseconds.
pub(crate) fn take_deadline(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Option<u64> {
    let mut deadline = None;
    attrs.retain(|attr| {
        if !attr.path().is_ident("deadline") {
            return true;
        }
        match attr.parse_args::<TokenStream>() {
            Ok(limit) => deadline = duration(&limit, errors),
            Err(_) => {
                let problem = Problem::MalformedPolicy { name: "deadline", example: "#[deadline(60s)]" };
                errors.push(&attr.meta, &problem);
            }
        }
        false
    });
    deadline
}

fn read_effect(attr: &Attribute, errors: &mut Errors) -> Option<Effect> {
    match &attr.meta {
        Meta::Path(_) => Some(Effect { idempotent: false }),
        meta => match attr.parse_args::<Ident>() {
            Ok(word) if word == "idempotent" => Some(Effect { idempotent: true }),
            _ => {
                errors.push(
                    meta,
                    &Problem::MalformedPolicy { name: "effect", example: "#[effect(idempotent)]" },
                );
                None
            }
        },
    }
}

fn range(tokens: &TokenStream, errors: &mut Errors) -> Option<(u64, u64)> {
    let parser = |input: ParseStream| {
        let low = input.parse::<Lit>()?.to_token_stream();
        input.parse::<Token![..]>()?;
        Ok((low, input.parse::<Lit>()?.to_token_stream()))
    };
    let Ok((low, high)) = syn::parse::Parser::parse2(parser, tokens.clone()) else {
        errors.push(tokens, &Problem::MalformedPolicy { name: "backoff", example: "backoff = 200ms..5s" });
        return None;
    };
    let (shortest, longest) = (duration(&low, errors)?, duration(&high, errors)?);
    if shortest > longest {
        errors.push(tokens, &Problem::EmptyRange);
        return None;
    }
    Some((shortest, longest))
}

/// A duration literal, in milliseconds.
fn duration(tokens: &TokenStream, errors: &mut Errors) -> Option<u64> {
    let parsed = syn::parse2::<LitInt>(tokens.clone()).ok().and_then(|literal| {
        let number: u64 = literal.base10_digits().parse().ok()?;
        let unit: u64 = match literal.suffix() {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            _ => return None,
        };
        number.checked_mul(unit)
    });
    if parsed.is_none() {
        errors.push(tokens, &Problem::MalformedDuration { found: tokens.to_string() });
    }
    parsed
}
