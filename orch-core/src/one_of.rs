//! One of several futures of different types that give the same: what `route!` is by itself.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

macro_rules! one_of {
    ($name:ident, $projection:ident: $($arm:ident)+) => {
        pin_project! {
            /// One of several futures; each variant is an arm.
            #[project = $projection]
            #[derive(Debug)]
            #[allow(missing_docs, reason = "a variant is an arm, and the field is its future")]
            pub enum $name<$($arm),+> {
                $($arm { #[pin] future: $arm }),+
            }
        }

        impl<T, $($arm: Future<Output = T>),+> Future for $name<$($arm),+> {
            type Output = T;

            #[inline]
            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
                match self.project() {
                    $($projection::$arm { future } => future.poll(cx)),+
                }
            }
        }
    };
}

one_of!(OneOf2, Projection2: A B);
one_of!(OneOf3, Projection3: A B C);
one_of!(OneOf4, Projection4: A B C D);
one_of!(OneOf5, Projection5: A B C D E);
one_of!(OneOf6, Projection6: A B C D E F);
one_of!(OneOf7, Projection7: A B C D E F G);
one_of!(OneOf8, Projection8: A B C D E F G H);
