//! Large graphs and deep nesting compile, are `Send`, and stay small.

use orch_core::{Result, workflow};

use crate::{after, assert_send};

workflow!(
    /// Sixty steps: five chains of twelve that run at the same time.
    async fn sixty(n: u32) -> Result<u32> {
        let c0_0 = after(1, n + 1).await?;
        let c1_0 = after(1, n + 1).await?;
        let c2_0 = after(1, n + 1).await?;
        let c3_0 = after(1, n + 1).await?;
        let c4_0 = after(1, n + 1).await?;
        let c0_1 = after(1, c0_0 + 1).await?;
        let c1_1 = after(1, c1_0 + 1).await?;
        let c2_1 = after(1, c2_0 + 1).await?;
        let c3_1 = after(1, c3_0 + 1).await?;
        let c4_1 = after(1, c4_0 + 1).await?;
        let c0_2 = after(1, c0_1 + 1).await?;
        let c1_2 = after(1, c1_1 + 1).await?;
        let c2_2 = after(1, c2_1 + 1).await?;
        let c3_2 = after(1, c3_1 + 1).await?;
        let c4_2 = after(1, c4_1 + 1).await?;
        let c0_3 = after(1, c0_2 + 1).await?;
        let c1_3 = after(1, c1_2 + 1).await?;
        let c2_3 = after(1, c2_2 + 1).await?;
        let c3_3 = after(1, c3_2 + 1).await?;
        let c4_3 = after(1, c4_2 + 1).await?;
        let c0_4 = after(1, c0_3 + 1).await?;
        let c1_4 = after(1, c1_3 + 1).await?;
        let c2_4 = after(1, c2_3 + 1).await?;
        let c3_4 = after(1, c3_3 + 1).await?;
        let c4_4 = after(1, c4_3 + 1).await?;
        let c0_5 = after(1, c0_4 + 1).await?;
        let c1_5 = after(1, c1_4 + 1).await?;
        let c2_5 = after(1, c2_4 + 1).await?;
        let c3_5 = after(1, c3_4 + 1).await?;
        let c4_5 = after(1, c4_4 + 1).await?;
        let c0_6 = after(1, c0_5 + 1).await?;
        let c1_6 = after(1, c1_5 + 1).await?;
        let c2_6 = after(1, c2_5 + 1).await?;
        let c3_6 = after(1, c3_5 + 1).await?;
        let c4_6 = after(1, c4_5 + 1).await?;
        let c0_7 = after(1, c0_6 + 1).await?;
        let c1_7 = after(1, c1_6 + 1).await?;
        let c2_7 = after(1, c2_6 + 1).await?;
        let c3_7 = after(1, c3_6 + 1).await?;
        let c4_7 = after(1, c4_6 + 1).await?;
        let c0_8 = after(1, c0_7 + 1).await?;
        let c1_8 = after(1, c1_7 + 1).await?;
        let c2_8 = after(1, c2_7 + 1).await?;
        let c3_8 = after(1, c3_7 + 1).await?;
        let c4_8 = after(1, c4_7 + 1).await?;
        let c0_9 = after(1, c0_8 + 1).await?;
        let c1_9 = after(1, c1_8 + 1).await?;
        let c2_9 = after(1, c2_8 + 1).await?;
        let c3_9 = after(1, c3_8 + 1).await?;
        let c4_9 = after(1, c4_8 + 1).await?;
        let c0_10 = after(1, c0_9 + 1).await?;
        let c1_10 = after(1, c1_9 + 1).await?;
        let c2_10 = after(1, c2_9 + 1).await?;
        let c3_10 = after(1, c3_9 + 1).await?;
        let c4_10 = after(1, c4_9 + 1).await?;
        let c0_11 = after(1, c0_10 + 1).await?;
        let c1_11 = after(1, c1_10 + 1).await?;
        let c2_11 = after(1, c2_10 + 1).await?;
        let c3_11 = after(1, c3_10 + 1).await?;
        let c4_11 = after(1, c4_10 + 1).await?;
        Ok(c0_11 + c1_11 + c2_11 + c3_11 + c4_11)
    }
);

workflow!(
    /// Sixty steps, each after the one before.
    async fn chain(n: u32) -> Result<u32> {
        let s0 = borrow(&n).await?;
        let s1 = borrow(&s0).await?;
        let s2 = borrow(&s1).await?;
        let s3 = borrow(&s2).await?;
        let s4 = borrow(&s3).await?;
        let s5 = borrow(&s4).await?;
        let s6 = borrow(&s5).await?;
        let s7 = borrow(&s6).await?;
        let s8 = borrow(&s7).await?;
        let s9 = borrow(&s8).await?;
        let s10 = borrow(&s9).await?;
        let s11 = borrow(&s10).await?;
        let s12 = borrow(&s11).await?;
        let s13 = borrow(&s12).await?;
        let s14 = borrow(&s13).await?;
        let s15 = borrow(&s14).await?;
        let s16 = borrow(&s15).await?;
        let s17 = borrow(&s16).await?;
        let s18 = borrow(&s17).await?;
        let s19 = borrow(&s18).await?;
        let s20 = borrow(&s19).await?;
        let s21 = borrow(&s20).await?;
        let s22 = borrow(&s21).await?;
        let s23 = borrow(&s22).await?;
        let s24 = borrow(&s23).await?;
        let s25 = borrow(&s24).await?;
        let s26 = borrow(&s25).await?;
        let s27 = borrow(&s26).await?;
        let s28 = borrow(&s27).await?;
        let s29 = borrow(&s28).await?;
        let s30 = borrow(&s29).await?;
        let s31 = borrow(&s30).await?;
        let s32 = borrow(&s31).await?;
        let s33 = borrow(&s32).await?;
        let s34 = borrow(&s33).await?;
        let s35 = borrow(&s34).await?;
        let s36 = borrow(&s35).await?;
        let s37 = borrow(&s36).await?;
        let s38 = borrow(&s37).await?;
        let s39 = borrow(&s38).await?;
        let s40 = borrow(&s39).await?;
        let s41 = borrow(&s40).await?;
        let s42 = borrow(&s41).await?;
        let s43 = borrow(&s42).await?;
        let s44 = borrow(&s43).await?;
        let s45 = borrow(&s44).await?;
        let s46 = borrow(&s45).await?;
        let s47 = borrow(&s46).await?;
        let s48 = borrow(&s47).await?;
        let s49 = borrow(&s48).await?;
        let s50 = borrow(&s49).await?;
        let s51 = borrow(&s50).await?;
        let s52 = borrow(&s51).await?;
        let s53 = borrow(&s52).await?;
        let s54 = borrow(&s53).await?;
        let s55 = borrow(&s54).await?;
        let s56 = borrow(&s55).await?;
        let s57 = borrow(&s56).await?;
        let s58 = borrow(&s57).await?;
        let s59 = borrow(&s58).await?;
        Ok(s59)
    }
);

async fn borrow(n: &u32) -> Result<u32> {
    after(1, n + 1).await
}

workflow!(
    async fn deep_0(n: u32) -> Result<u32> {
        let a = after(1, n).await?;
        Ok(a)
    }
);

/// Workflows of which each calls the one before it.
macro_rules! each_calls_the_one_before {
    ($inner:ident) => {};
    ($inner:ident $name:ident $($rest:ident)*) => {
        workflow!(
            async fn $name(n: u32) -> Result<u32> {
                #[flow]
                let a = $inner(n + 1).await?;
                Ok(a)
            }
        );
        each_calls_the_one_before!($name $($rest)*);
    };
}

each_calls_the_one_before!(
    deep_0 deep_1 deep_2 deep_3 deep_4 deep_5 deep_6 deep_7
    deep_8 deep_9 deep_10 deep_11 deep_12 deep_13 deep_14 deep_15
    deep_16 deep_17 deep_18 deep_19 deep_20 deep_21 deep_22 deep_23
    deep_24 deep_25 deep_26 deep_27 deep_28 deep_29 deep_30 deep_31
    deep_32 deep_33 deep_34 deep_35 deep_36 deep_37 deep_38 deep_39
    deep_40 deep_41 deep_42 deep_43 deep_44 deep_45 deep_46 deep_47
    deep_48 deep_49 deep_50 deep_51 deep_52 deep_53 deep_54 deep_55
    deep_56 deep_57 deep_58 deep_59 deep_60 deep_61 deep_62 deep_63
);

#[tokio::test(start_paused = true)]
async fn sixty_steps_and_sixty_four_levels() {
    let (took, value) = crate::timed(assert_send(sixty(0))).await;
    assert_eq!((took, value.unwrap()), (12, 60));
    assert_eq!(assert_send(chain(0)).await.unwrap(), 60);
    assert_eq!(assert_send(deep_63(0)).await.unwrap(), 63);
    assert_eq!(deep_63::PLAN.worst_attempts(), 1);
}

/// A value large enough to be seen in a future's size.
struct Page([u64; 16]);

async fn turn(page: &Page) -> Result<Page> {
    std::future::ready(()).await;
    Ok(Page(page.0))
}

workflow!(
    async fn turned(page: Page) -> Result<Page> {
        let a = turn(&page).await?;
        let b = turn(&a).await?;
        let c = turn(&b).await?;
        let d = turn(&c).await?;
        let e = turn(&d).await?;
        let f = turn(&e).await?;
        Ok(f)
    }
);

async fn turned_by_hand(page: Page) -> Result<Page> {
    let a = turn(&page).await?;
    let b = turn(&a).await?;
    let c = turn(&b).await?;
    let d = turn(&c).await?;
    let e = turn(&d).await?;
    let f = turn(&e).await?;
    Ok(f)
}

#[test]
fn a_chain_of_large_values_is_no_larger_than_by_hand() {
    let page = || Page([0; 16]);
    let (ours, by_hand) = (size_of_val(&turned(page())), size_of_val(&turned_by_hand(page())));
    assert!(ours <= by_hand, "{ours} bytes against {by_hand}");
}
