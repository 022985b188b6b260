//! `pipeline!`: a chain.

use orch_core::{Result, Route, fan_out, pipeline, route};

use crate::{after, assert_send, timed};

struct Desk {
    plus: u32,
}

impl Desk {
    async fn add(&self, n: u32, times: u32) -> Result<u32> {
        after(1, n + self.plus * times).await
    }
}

async fn double(n: u32) -> Result<u32> {
    after(10, 2 * n).await
}

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Size {
    Small,
    #[route(default)]
    Large,
}

async fn size(n: u32) -> Result<(Size, u32)> {
    Ok((if n < 10 { Size::Small } else { Size::Large }, n))
}

#[tokio::test(start_paused = true)]
async fn stages_are_paths_calls_and_closures() {
    let desk = Desk { plus: 3 };
    let chain = pipeline!(double, desk.add(_, 2), |n: u32| async move { orch_core::Ok(n + 100) });
    let (took, value) = timed(assert_send(chain.run(1))).await;
    assert_eq!((took, value.unwrap()), (11, 108));
    assert_eq!(chain.run(2).await.unwrap(), 110);
    let names: Vec<&str> = chain.plan().graph.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["double", "add", "stage"]);
    assert_eq!(chain.plan().graph.edges, [(0, 1), (1, 2)]);
}

#[tokio::test(start_paused = true)]
async fn everything_is_a_stage() {
    let chain = pipeline!(
        pipeline!(double, double),
        size,
        route!(match _.0 {
            Size::Small => double(_.1),
            Size::Large => after(1, _.1),
        }),
        fan_out!(left = double(_), right = after(5, _)),
        |both| async move { orch_core::Ok(both.left + both.right) },
    );
    assert_eq!(chain.run(1).await.unwrap(), 16 + 8);
    assert_eq!(chain.run(5).await.unwrap(), 40 + 20);
}

#[tokio::test(start_paused = true)]
async fn stages_have_policies() {
    let chain = pipeline!(
        double,
        #[timeout(5ms)]
        #[or(1)]
        double,
    );
    assert_eq!(chain.run(1).await.unwrap(), 1);
}
