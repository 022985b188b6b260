//! `#[tool]`: the function as it is, and a companion of the same name in the type namespace that a model can ask for.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{ItemFn, Lifetime, TypeReference};

use super::own;
use crate::diag::Errors;
use crate::parse::tool::Tool;

/// The expansion of `#[tool]`.
pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.syntax(&error);
            let errors = errors.emit(&TokenStream::new());
            return quote!(#item #errors);
        }
    };
    let tool = Tool::read(options, function, &mut errors);
    let function = &tool.function;
    if !errors.is_empty() {
        let errors = errors.emit(&TokenStream::new());
        return quote!(#function #errors);
    }
    let companion = companion(&tool);
    quote!(#function #companion)
}

fn companion(tool: &Tool) -> TokenStream {
    let Tool { function, lent, asked, order, name, description, effect, timeout, max_bytes, krate } = tool;
    let krate = krate.as_ref().map_or_else(|| quote!(::orch_core), |path| quote!(#path));
    let (vis, ident) = (&function.vis, &function.sig.ident);
    let lifetime = Lifetime::new("'__lent", proc_macro2::Span::mixed_site());
    let params: Vec<_> = function.sig.generics.params.iter().collect();
    let names: Vec<_> = function.sig.generics.type_params().map(|param| &param.ident).collect();
    let wheres = &function.sig.generics.where_clause;
    let bound = function.sig.generics.type_params().map(|param| &param.ident);
    let lent_names: Vec<_> = lent.iter().map(|(name, _)| name).collect();
    let lent_types: Vec<_> = lent
        .iter()
        .map(|(_, reference)| TypeReference { lifetime: Some(lifetime.clone()), ..reference.clone() })
        .collect();
    let fields = asked.iter().map(|(attrs, name, ty)| quote!(#(#attrs)* #name: #ty));
    let asked_names: Vec<_> = asked.iter().map(|(_, name, _)| name).collect();
    let this = own("__lent");
    let arguments = order.iter().map(|(name, lent)| if *lent { quote!(#this.#name) } else { quote!(#name) });
    let effect = match effect {
        None => quote!(Reads),
        Some(effect) if effect.idempotent => quote!(Idempotent),
        Some(_) => quote!(Writes),
    };
    let timeout = timeout.map(|limit| quote!(.timeout(::core::time::Duration::from_millis(#limit))));
    let max_bytes = max_bytes.as_ref().map(|bytes| quote!(.max_bytes(#bytes)));
    let doc = format!("The tool [`{ident}`](fn@{ident}), which a model can ask for.");
    let serde = quote!(#krate::__private::serde).to_string();
    let schemars = quote!(#krate::__private::schemars).to_string();
    let declared = quote!(#krate::tool::Declared::new(#name, #description, #krate::tool::Effect::#effect) #timeout #max_bytes);
    quote! {
        #[allow(non_camel_case_types, dead_code)]
        #[doc = #doc]
        #vis struct #ident<#lifetime, #(#params),*> #wheres {
            #(#lent_names: #lent_types,)*
            __lent: ::core::marker::PhantomData<&#lifetime (#(#bound,)*)>,
        }

        #[allow(clippy::needless_lifetimes, dead_code)]
        impl<#lifetime, #(#params),*> #ident<#lifetime, #(#names),*> #wheres {
            /// The tool, with what it works on.
            #[must_use]
            #vis fn tool(#(#lent_names: #lent_types),*) -> Self {
                Self { #(#lent_names,)* __lent: ::core::marker::PhantomData }
            }
        }

        #[allow(clippy::needless_lifetimes)]
        impl<#lifetime, #(#params),*> ::core::fmt::Debug for #ident<#lifetime, #(#names),*> #wheres {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(#name)
            }
        }

        const _: () = {
            #[derive(#krate::__private::serde::Deserialize, #krate::__private::schemars::JsonSchema)]
            #[serde(crate = #serde, deny_unknown_fields)]
            #[schemars(crate = #schemars)]
            struct __Arguments {
                #(#fields,)*
            }

            #[allow(clippy::needless_lifetimes)]
            impl<#lifetime, #(#params),*> #krate::tool::Tools for #ident<#lifetime, #(#names),*> #wheres {
                fn specs(&self) -> ::std::vec::Vec<#krate::model::ToolSpec> {
                    static SPEC: ::std::sync::OnceLock<#krate::model::ToolSpec> = ::std::sync::OnceLock::new();
                    ::std::vec![SPEC.get_or_init(|| #declared.spec::<__Arguments>()).clone()]
                }

                fn effect(&self, tool: &str) -> ::core::option::Option<#krate::tool::Effect> {
                    if tool == #name {
                        ::core::option::Option::Some(#krate::tool::Effect::#effect)
                    } else {
                        ::core::option::Option::None
                    }
                }

                async fn call(
                    &self,
                    call: &#krate::model::ToolCall,
                ) -> ::core::result::Result<::std::string::String, #krate::tool::ToolError> {
                    let #this = self;
                    #declared
                        .call(call, async |__Arguments { #(#asked_names),* }| #ident(#(#arguments),*).await)
                        .await
                }
            }
        };
    }
}
