//! `#[derive(Event)]`: the events of a bus, and who handles each.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Fields, Path, Token, Type, Variant};

use super::own;
use crate::diag::{Errors, Problem};

/// The expansion of the derive.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input = match syn::parse2::<DeriveInput>(input) {
        Ok(input) => input,
        Err(error) => {
            errors.syntax(&error);
            return errors.emit(&TokenStream::new());
        }
    };
    let Data::Enum(data) = &input.data else {
        errors.push(&input.ident, &Problem::EventNeedsEnum);
        return errors.emit(&TokenStream::new());
    };
    let settings = Settings::of(&input, &mut errors);
    let events: Vec<(&Variant, Vec<Path>)> =
        data.variants.iter().map(|variant| (variant, handlers(variant, &mut errors))).collect();
    if !errors.is_empty() {
        return errors.emit(&TokenStream::new());
    }
    implementation(&input, &settings, &events)
}

/// `#[event(context = Desk, output = Receipt, crate = path)]` on the enum.
struct Settings {
    krate: TokenStream,
    context: TokenStream,
    output: TokenStream,
}

impl Settings {
    fn of(input: &DeriveInput, errors: &mut Errors) -> Self {
        let mut found = Self { krate: quote!(::orch_core), context: quote!(()), output: quote!(()) };
        for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("event")) {
            let parsed = attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    let path: Path = meta.value()?.parse()?;
                    found.krate = quote!(#path);
                } else if meta.path.is_ident("context") {
                    let ty: Type = meta.value()?.parse()?;
                    found.context = quote!(#ty);
                } else if meta.path.is_ident("output") {
                    let ty: Type = meta.value()?.parse()?;
                    found.output = quote!(#ty);
                } else {
                    return Err(meta.error("unknown"));
                }
                Ok(())
            });
            if parsed.is_err() {
                errors.push(&attr.meta, &Problem::EventKey);
            }
        }
        found
    }
}

/// `#[on(extract, log)]` on a variant.
fn handlers(variant: &Variant, errors: &mut Errors) -> Vec<Path> {
    let mut found = Vec::new();
    let is_on = |attr: &&Attribute| attr.path().is_ident("on");
    for attr in variant.attrs.iter().filter(is_on) {
        match attr.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated) {
            Ok(paths) => found.extend(paths),
            Err(_) => {
                errors.push(&attr.meta, &Problem::EventOn);
                return found;
            }
        }
    }
    if found.is_empty() {
        errors.push(&variant.ident, &Problem::EventUnhandled { name: variant.ident.to_string() });
    }
    found
}

fn implementation(
    input: &DeriveInput,
    Settings { krate, context, output }: &Settings,
    events: &[(&Variant, Vec<Path>)],
) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, wheres) = input.generics.split_for_impl();
    let [cx, emitter, outcomes] = ["__context", "__emitter", "__outcomes"].map(own);
    let mut arms = Vec::new();
    let mut names = Vec::new();
    let mut table = Vec::new();
    for (variant, handlers) in events {
        let ident = &variant.ident;
        let text = ident.to_string();
        let handler_names: Vec<String> = handlers
            .iter()
            .filter_map(|path| path.segments.last())
            .map(|last| last.ident.to_string())
            .collect();
        let (pattern, data) = pattern(&variant.fields);
        names.push(quote!(Self::#ident { .. } => #text));
        table.push(quote!((#text, &[#(#handler_names),*] as &[&str])));
        let runs = handlers.iter().zip(&handler_names).map(|(path, name)| {
            // What does not fit is told at the handler.
            let span = path.span().resolved_at(Span::call_site());
            let data = data.iter().map(|name| Ident::new(&name.to_string(), span));
            let call = quote_spanned!(path.span()=> #path(#cx, #(#data,)* #emitter));
            quote!(#krate::__private::event_handler(#name, #call, #outcomes))
        });
        let all = runs.reduce(|all, run| quote!(#krate::__private::both_events(#all, #run)));
        arms.push(quote!(Self::#ident #pattern => { #all.await; }));
    }
    quote! {
        impl #generics #krate::event::Event for #name #arguments #wheres {
            type Context = #context;
            type Output = #output;

            const HANDLERS: &'static [(&'static str, &'static [&'static str])] = &[#(#table),*];

            fn name(&self) -> &'static str {
                match self { #(#names),* }
            }

            async fn handle(
                &self,
                #cx: &Self::Context,
                #emitter: &#krate::event::Emitter<Self>,
                #outcomes: &#krate::event::Outcomes<Self>,
            ) {
                match self { #(#arms)* }
            }
        }
    }
}

/// How an event is taken apart, and what its handlers are given of it.
fn pattern(fields: &Fields) -> (TokenStream, Vec<Ident>) {
    match fields {
        Fields::Unit => (quote!(), Vec::new()),
        Fields::Unnamed(fields) => {
            let names: Vec<Ident> =
                (0..fields.unnamed.len()).map(|number| format_ident!("field_{number}")).collect();
            (quote!((#(#names),*)), names)
        }
        Fields::Named(fields) => {
            let names: Vec<Ident> = fields.named.iter().filter_map(|field| field.ident.clone()).collect();
            (quote!({ #(#names),* }), names)
        }
    }
}
