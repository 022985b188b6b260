//! `workflow!`: one flat async function, and a companion of the same name in the type namespace.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::ParseStream;
use syn::{Attribute, FnArg, GenericParam, ItemFn, Pat, ReturnType, Type};

use super::{Context, Fault, elided, option, own};
use crate::check;
use crate::diag::{Errors, Problem};
use crate::ir::{build, cfg, uses};
use crate::lower::lend;
use crate::parse::input::Input;
use crate::parse::policy::take_deadline;
use crate::parse::repair;

/// The expansion of `workflow!(..)`.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input = Input::split(input);
    let mut errors = Errors::default();
    let Some(function) = input.parse(|input: ParseStream| input.parse::<ItemFn>(), &mut errors) else {
        let tokens = &input.tokens;
        let errors = errors.emit(&TokenStream::new());
        return quote!(#tokens #errors);
    };
    let mut versions = cfg::versions(function, &mut errors);
    if let [_] = versions.as_slice()
        && let Some(function) = versions.pop()
    {
        let expansion = item(&input.krate, function, &mut errors);
        return repair::strip_gaps(expansion, errors.gaps);
    }
    // The same mistake may stand in one version and not in another, so each has its own errors.
    versions
        .into_iter()
        .map(|version| repair::strip_gaps(item(&input.krate, version, &mut Errors::default()), errors.gaps))
        .collect()
}

fn item(krate: &TokenStream, function: ItemFn, errors: &mut Errors) -> TokenStream {
    let ItemFn { mut attrs, vis, sig, block, .. } = function;
    let mut deadline = take_deadline(&mut attrs, errors);
    if deadline.is_some() && matches!(sig.output, ReturnType::Default) {
        errors.push(&sig.ident, &Problem::DeadlineNeedsResult);
        deadline = None;
    }
    if sig.asyncness.is_none() {
        errors.push(sig.fn_token, &Problem::NotAsync);
    }
    if let Some(FnArg::Receiver(receiver)) = sig.inputs.first() {
        errors.push(receiver, &Problem::SelfReceiver);
        return errors.emit(&TokenStream::new());
    }
    let is_conditional = attrs.iter().any(|attr| attr.path().is_ident("cfg"));
    if let ReturnType::Type(_, ty) = &sig.output
        && matches!(&**ty, Type::TraitObject(object) if object.dyn_token.is_none())
    {
        errors.push(ty, &Problem::BareTraitOutput);
        return errors.emit(&TokenStream::new());
    }
    let output = elided::output(&sig);
    let Compiled { plan, body, fault, imports } = compile(krate, &sig, *block, deadline, &output, errors);
    let deadline = option(deadline.map(|limit| quote!(#limit)));

    let name = &sig.ident;
    let text = name.to_string();
    let (cx, observer) = (own("__cx"), own("__O"));
    let Parts { forwarded, outer, inner, params, given, streamed, named } = parts(krate, &sig, &observer);
    let mut watched = sig.clone();
    let input = elided::name_the_one(&mut watched);
    let input: Vec<_> = input.iter().collect();
    let (watched_args, watched_output) = (parts(krate, &watched, &observer).outer, elided::output(&watched));
    let given = quote!('__observer, #(#input,)* #(#given),*);
    let streamed = quote!('__observer, #(#input,)* #(#streamed),*);
    let plain_params = &sig.generics.params;
    let wheres = &sig.generics.where_clause;
    let Attributes { outer: outer_attrs, lints, cfg } = Attributes::of(attrs);
    let turbofish = if named.is_empty() { quote!() } else { quote!(::<_, #(#named),*>) };
    let run = quote_spanned!(name.span()=> __run);
    let doc = format!("The plan of [`{text}`](fn@{text}), and ways to run it observed.");
    let test = format_ident!("orch_plan_{}", text);
    let mut errors = errors.emit(&TokenStream::new());
    if is_conditional && !errors.is_empty() {
        errors = quote!(#(#cfg)* const _: () = { #errors };);
    }
    let must_use = quote!(#[must_use = "a workflow does nothing unless it is awaited"]);
    quote! {
        #(#outer_attrs)* #(#cfg)* #must_use
        #vis fn #name<#plain_params>(#(#outer),*) -> impl ::core::future::Future<Output = #output> #wheres {
            #name::#run #turbofish (#krate::__private::Cx::silent(), #(#forwarded),*)
        }

        #[allow(non_camel_case_types, clippy::empty_enums, missing_debug_implementations, dead_code)]
        #[doc = #doc]
        #(#cfg)*
        #vis enum #name {}

        #[allow(dead_code, unreachable_code)]
        #(#cfg)*
        impl #name {
            #(#lints)*
            #[doc(hidden)]
            #vis async fn __run<#(#params),*>(#cx: #krate::__private::Cx<#observer>, #(#inner),*) -> #output #wheres {
                #body
            }

            #fault

            /// Runs the workflow and tells `observer` of each step.
            #must_use
            #vis fn observed<#given>(
                observer: &'__observer #observer, #(#watched_args),*
            ) -> impl ::core::future::Future<Output = #watched_output> #wheres {
                #krate::__private::observed(observer, Self::PLAN, |#cx| Self::__run #turbofish (#cx, #(#forwarded),*))
            }

            /// Runs the workflow as its events are asked for: what its steps do, and its result.
            #vis fn stream<#streamed>(
                events: &'__observer mut #krate::Events, #(#watched_args),*
            ) -> #krate::Streamed<'__observer, impl ::core::future::Future<Output = #watched_output>> #wheres {
                let events = &*events;
                #krate::__private::streamed(events, || Self::observed #turbofish (events, #(#forwarded),*))
            }

            /// The graph of the workflow, known at compile time.
            #vis const PLAN: &'static #krate::plan::Plan = &#krate::plan::Plan { name: #text, deadline_ms: #deadline, graph: #plan };
        }

        #[cfg(test)]
        #(#cfg)*
        #[allow(unnameable_test_items, non_snake_case)]
        #[test]
        #[ignore = "`cargo orch plan` runs this to draw the workflow"]
        fn #test() {
            #krate::__private::write_plan(::core::module_path!(), #name::PLAN);
        }
        #(#cfg)*
        const _: () = { #imports };
        #errors
    }
}

/// What comes of a workflow's body.
struct Compiled {
    plan: TokenStream,
    body: TokenStream,
    /// The function that names the step of an error.
    fault: TokenStream,
    imports: TokenStream,
}

/// The phases from the body's syntax to its code.
fn compile(
    krate: &TokenStream,
    sig: &syn::Signature,
    block: syn::Block,
    deadline: Option<u64>,
    output: &TokenStream,
    errors: &mut Errors,
) -> Compiled {
    let mut graph = build::graph(block, errors);
    let (lent, outer, exclusive) = arguments(sig);
    graph.surround(&lent, &outer, &exclusive);
    lend::lend(&mut graph);
    let own_function = is_closed(sig);
    let context = Context {
        krate: krate.clone(),
        error: quote!(<#output as #krate::__private::Fallible>::Error),
        fault: if own_function { Fault::Function(quote!(Self::__fault)) } else { Fault::InPlace },
        observed: true,
        prefix: String::new(),
    };
    let plan = context.plan_graph("", &mut graph, &[]);
    check::workflow(&graph, errors);
    let fault =
        (own_function && graph.items.iter().any(|item| item.fails || item.awaits())).then(|| fault(&context));
    let (mut written, mut asked) = (Vec::new(), false);
    graph.each_step(&mut |step| asked |= step.policies.retry.is_some() || step.policies.flow.is_some());
    graph.each_step(&mut |step| written.extend(step.written()));
    Compiled {
        plan,
        body: bounded(krate, context.block(&graph), deadline, asked, output),
        fault: fault.unwrap_or_default(),
        imports: super::imports(written.into_iter()),
    }
}

/// Whether the output's type can be written outside the function: it is a `Result`, and nothing in it is a generic,
/// a lifetime or left to be inferred.
fn is_closed(sig: &syn::Signature) -> bool {
    let ReturnType::Type(_, output) = &sig.output else { return false };
    let generics: HashSet<String> = sig
        .generics
        .params
        .iter()
        .filter_map(|param| match param {
            GenericParam::Type(ty) => Some(ty.ident.to_string()),
            GenericParam::Const(constant) => Some(constant.ident.to_string()),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    let is_result = matches!(
        &**output,
        Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident.to_string().ends_with("Result"))
    );
    is_result && closed(output.to_token_stream(), &generics)
}

fn closed(tokens: TokenStream, generics: &HashSet<String>) -> bool {
    tokens.into_iter().all(|token| match token {
        TokenTree::Ident(ident) => {
            let name = ident.to_string();
            !["impl", "_", "Self"].contains(&name.as_str()) && !generics.contains(&name)
        }
        TokenTree::Punct(punct) => !['&', '\'', '!'].contains(&punct.as_char()),
        TokenTree::Group(group) => closed(group.stream(), generics),
        TokenTree::Literal(_) => true,
    })
}

/// The function that names the step of an error.
fn fault(context: &Context) -> TokenStream {
    let (krate, target) = (&context.krate, &context.error);
    let (entered, failure, name, attempts, elapsed) =
        (own("__entered"), own("__failure"), own("__name"), own("__attempts"), own("__elapsed"));
    quote! {
        fn __fault<__L: #krate::__private::Leave>(
            #entered: &__L,
            #failure: #target,
            #name: &'static str,
            #attempts: u32,
            #elapsed: ::core::option::Option<::core::time::Duration>,
        ) -> #target {
            #krate::__fault!(#target, #entered, #failure, #name, #attempts, #elapsed)
        }
    }
}

/// A workflow's attributes, by what they belong to.
#[derive(Default)]
struct Attributes {
    /// On the function users call.
    outer: Vec<Attribute>,
    /// On the function with the body: what rustc may say about it.
    lints: Vec<Attribute>,
    /// On everything.
    cfg: Vec<Attribute>,
}

impl Attributes {
    fn of(attrs: Vec<Attribute>) -> Self {
        let mut sorted = Self::default();
        for attr in attrs {
            let is = |names: &[&str]| names.iter().any(|name| attr.path().is_ident(name));
            if is(&["cfg", "cfg_attr"]) {
                sorted.cfg.push(attr);
            } else if is(&["allow", "expect", "warn", "deny", "forbid"]) {
                sorted.lints.push(attr);
            } else {
                sorted.outer.push(attr);
            }
        }
        sorted
    }
}

/// The workflow's body, bounded by its deadline if it has one.
fn bounded(
    krate: &TokenStream,
    block: TokenStream,
    deadline: Option<u64>,
    asked: bool,
    output: &TokenStream,
) -> TokenStream {
    let Some(limit) = deadline else { return block };
    let (cx, result) = (own("__cx"), own("__result"));
    // Only steps that try again, or call other workflows, ask when the deadline is.
    let within = asked.then(|| quote!(let #cx = #cx.within(#limit);));
    quote! {
        #within
        let #result: #output = #krate::__private::bounded(#cx.until(#limit), async { let #cx = #cx; #block }).await;
        #result
    }
}

/// The signature in the forms the expansion needs.
struct Parts {
    /// The arguments' names, to hand them on.
    forwarded: Vec<Ident>,
    /// Arguments as the outer function declares them: plain names.
    outer: Vec<TokenStream>,
    /// Arguments as the user wrote them.
    inner: Vec<TokenStream>,
    /// Generics of `__run`: lifetimes, the observer, the rest.
    params: Vec<TokenStream>,
    /// Generics of `observed`.
    given: Vec<TokenStream>,
    /// Generics of `stream`.
    streamed: Vec<TokenStream>,
    /// The type and const parameters by name.
    named: Vec<TokenStream>,
}

fn parts(krate: &TokenStream, sig: &syn::Signature, observer: &Ident) -> Parts {
    let mut parts = Parts {
        forwarded: Vec::new(),
        outer: Vec::new(),
        inner: Vec::new(),
        params: Vec::new(),
        given: Vec::new(),
        streamed: Vec::new(),
        named: Vec::new(),
    };
    for (index, input) in sig.inputs.iter().enumerate() {
        let FnArg::Typed(typed) = input else { continue };
        let ident = match &*typed.pat {
            // A name that says it is not used would be, to hand the argument on.
            Pat::Ident(pat) if pat.subpat.is_none() && !pat.ident.to_string().starts_with('_') => {
                pat.ident.clone()
            }
            _ => format_ident!("argument_{index}", span = Span::mixed_site()),
        };
        let ty = &typed.ty;
        parts.outer.push(quote!(#ident: #ty));
        parts.inner.push(typed.to_token_stream());
        parts.forwarded.push(ident);
    }
    let (lifetimes, others): (Vec<_>, Vec<_>) =
        sig.generics.params.iter().partition(|param| matches!(param, GenericParam::Lifetime(_)));
    let lifetimes = lifetimes.iter().map(ToTokens::to_token_stream);
    parts.params.extend(lifetimes.clone());
    parts.given.extend(lifetimes.clone());
    parts.streamed.extend(lifetimes);
    parts.params.push(quote!(#observer: #krate::__private::ObserverRef));
    parts.given.push(quote!(#observer: #krate::Observer));
    for list in [&mut parts.params, &mut parts.given, &mut parts.streamed] {
        list.extend(others.iter().map(ToTokens::to_token_stream));
    }
    for param in others {
        match param {
            GenericParam::Type(ty) => parts.named.push(ty.ident.to_token_stream()),
            GenericParam::Const(constant) => parts.named.push(constant.ident.to_token_stream()),
            GenericParam::Lifetime(_) => {}
        }
    }
    parts
}

/// The names of the arguments: those that are references, all of them, and those that can be changed.
fn arguments(sig: &syn::Signature) -> (HashSet<String>, HashSet<String>, HashSet<String>) {
    let (mut lent, mut all, mut exclusive) = (HashSet::new(), HashSet::new(), HashSet::new());
    for input in &sig.inputs {
        let FnArg::Typed(typed) = input else { continue };
        for ident in uses::bound_by(&typed.pat) {
            let name = uses::name_of(&ident);
            match &*typed.ty {
                Type::Reference(reference) if reference.mutability.is_some() => {
                    exclusive.insert(name.clone());
                }
                Type::Reference(_) => {
                    lent.insert(name.clone());
                }
                _ => {}
            }
            if uses::binds_mut(&typed.pat, &ident.to_string()) {
                exclusive.insert(name.clone());
            }
            all.insert(name);
        }
    }
    (lent, all, exclusive)
}
