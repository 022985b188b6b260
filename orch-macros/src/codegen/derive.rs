//! `#[derive(Route)]`: a closed set of routes.

use std::collections::HashMap;

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Expr, ExprLit, Fields, Lit, LitStr, Meta, Path, Token, Variant};

use crate::diag::{Errors, Problem};
use crate::parse::doc;

/// One route, as its variant and attributes declare it.
struct RouteSyntax {
    ident: Ident,
    label: String,
    description: String,
    keywords: Vec<LitStr>,
    examples: Vec<LitStr>,
    default: Option<Path>,
}

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
    let krate = krate(&input.attrs, &mut errors);
    let Data::Enum(data) = &input.data else {
        errors.push(&input.ident, &Problem::DeriveNeedsEnum);
        return errors.emit(&TokenStream::new());
    };
    let routes: Vec<RouteSyntax> = data.variants.iter().map(|variant| read(variant, &mut errors)).collect();
    check(&input.ident, &routes, &mut errors);
    let emitted = errors.emit(&TokenStream::new());
    if data.variants.iter().any(|variant| !matches!(variant.fields, Fields::Unit)) {
        return emitted;
    }
    let body = implementation(&krate, &input, &routes);
    quote!(#body #emitted)
}

fn krate(attrs: &[Attribute], errors: &mut Errors) -> TokenStream {
    let mut krate = quote!(::orch_core);
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("route")) {
        let parsed = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                let path: Path = meta.value()?.parse()?;
                krate = quote!(#path);
                return Ok(());
            }
            Err(meta.error("unknown"))
        });
        if parsed.is_err() {
            errors.push(&attr.meta, &Problem::DeriveUnknownKey { found: "on the enum".to_owned() });
        }
    }
    krate
}

fn read(variant: &Variant, errors: &mut Errors) -> RouteSyntax {
    if !matches!(variant.fields, Fields::Unit) {
        errors.push(&variant.fields, &Problem::DeriveNeedsUnit);
    }
    let mut route = RouteSyntax {
        ident: variant.ident.clone(),
        label: snake_case(&variant.ident.to_string()),
        description: description(&variant.attrs),
        keywords: Vec::new(),
        examples: Vec::new(),
        default: None,
    };
    for attr in variant.attrs.iter().filter(|attr| attr.path().is_ident("route")) {
        let metas = match attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
            Ok(metas) => metas,
            Err(error) => {
                errors.syntax(&error);
                continue;
            }
        };
        for meta in metas {
            read_key(&mut route, &meta, errors);
        }
    }
    route
}

fn read_key(route: &mut RouteSyntax, meta: &Meta, errors: &mut Errors) {
    let mut texts = |key: &'static str| -> Vec<LitStr> {
        let texts = meta
            .require_list()
            .and_then(|list| list.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated));
        match texts {
            Ok(texts) => {
                for text in texts.iter().filter(|text| text.value().trim().is_empty()) {
                    errors.push(text, &Problem::DeriveEmptyText { key });
                }
                texts.into_iter().collect()
            }
            Err(error) => {
                errors.syntax(&error);
                Vec::new()
            }
        }
    };
    match meta {
        Meta::Path(path) if path.is_ident("default") => route.default = Some(path.clone()),
        Meta::NameValue(pair) if pair.path.is_ident("label") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(label), .. }) => route.label = label.value(),
            other => errors.syntax(&syn::Error::new_spanned(other, "expected a string")),
        },
        _ if meta.path().is_ident("keywords") => route.keywords = texts("keywords"),
        _ if meta.path().is_ident("examples") => route.examples = texts("examples"),
        _ => {
            let found = meta.path().get_ident().map(ToString::to_string).unwrap_or_default();
            errors.push(meta.path(), &Problem::DeriveUnknownKey { found });
        }
    }
}

fn check(name: &Ident, routes: &[RouteSyntax], errors: &mut Errors) {
    let mut defaults = routes.iter().filter_map(|route| route.default.as_ref());
    if defaults.next().is_none() {
        errors.push(name, &Problem::DeriveNoDefault);
    }
    for second in defaults {
        errors.push(second, &Problem::DeriveTwoDefaults);
    }
    let mut labels = HashMap::new();
    let mut keywords: HashMap<String, &Ident> = HashMap::new();
    for route in routes {
        if labels.insert(&route.label, &route.ident).is_some() {
            errors.push(&route.ident, &Problem::DeriveDuplicateLabel { label: route.label.clone() });
        }
        for keyword in &route.keywords {
            let folded = keyword.value().to_lowercase();
            if let Some(first) = keywords.insert(folded, &route.ident) {
                let problem =
                    Problem::DeriveDuplicateKeyword { keyword: keyword.value(), first: first.to_string() };
                errors.push(keyword, &problem);
            }
        }
    }
}

fn implementation(krate: &TokenStream, input: &DeriveInput, routes: &[RouteSyntax]) -> TokenStream {
    let name = &input.ident;
    let idents: Vec<&Ident> = routes.iter().map(|route| &route.ident).collect();
    let labels: Vec<&String> = routes.iter().map(|route| &route.label).collect();
    let default = routes
        .iter()
        .find(|route| route.default.is_some())
        .or_else(|| routes.first())
        .map(|route| &route.ident)
        .map_or_else(|| quote!(::core::unreachable!()), |ident| quote!(Self::#ident));
    let details = routes.iter().map(|RouteSyntax { label, description, keywords, examples, .. }| {
        quote!(#krate::router::RouteDetails {
            label: #label,
            description: #description,
            keywords: &[#(#keywords),*],
            examples: &[#(#examples),*],
        })
    });
    let label_impl = quote_spanned!(name.span()=> impl #krate::router::Label for #name);
    let route_impl = quote_spanned!(name.span()=> impl #krate::router::Route for #name);
    quote! {
        #label_impl {
            fn label(&self) -> &str {
                match self { #(Self::#idents => #labels),* }
            }
            fn from_label(label: &str) -> ::core::option::Option<Self> {
                match label {
                    #(#labels => ::core::option::Option::Some(Self::#idents),)*
                    _ => ::core::option::Option::None,
                }
            }
            fn expected() -> ::std::vec::Vec<Self> {
                let default = <Self as #krate::router::Route>::DEFAULT;
                <Self as #krate::router::Route>::ALL.iter().copied().filter(|route| *route != default).collect()
            }
        }
        #route_impl {
            const ALL: &'static [Self] = &[#(Self::#idents),*];
            const DEFAULT: Self = #default;
            const DETAILS: &'static [#krate::router::RouteDetails] = &[#(#details),*];
        }
    }
}

/// The first paragraph of a doc comment, on one line.
fn description(attrs: &[Attribute]) -> String {
    doc::lines(attrs).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `OutOfScope` as `out_of_scope`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut before_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && before_lower {
            snake.push('_');
        }
        before_lower = letter.is_lowercase() || letter.is_ascii_digit();
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    #[test]
    fn labels_are_the_variants_in_snake_case() {
        assert_eq!(super::snake_case("OutOfScope"), "out_of_scope");
        assert_eq!(super::snake_case("FAQ"), "faq");
        assert_eq!(super::snake_case("Tier2Support"), "tier2_support");
    }
}
