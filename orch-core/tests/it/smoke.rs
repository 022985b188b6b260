use std::time::Duration;
use orch_core::{Recorder, Result, Route, fan_out, route, workflow};
use tokio::time::{Instant, sleep};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent { Billing, #[route(default)] Other }

async fn wait(ms: u64, n: u32) -> Result<u32> { sleep(Duration::from_millis(ms)).await; Ok(n) }
async fn wait_ref(ms: u64, a: &u32, b: &u32) -> Result<u32> { sleep(Duration::from_millis(ms)).await; Ok(a+b) }

workflow!(
    async fn document(n: u32) -> Result<u32> {
        let x = wait(10, n).await?;
        let c = wait(20, x).await?;
        let e = wait(30, x).await?;
        let s = wait_ref(20, &c, &x).await?;
        let v = wait_ref(10, &e, &s).await?;
        Ok(v)
    }
);
workflow!(
    async fn enn(n: u32) -> Result<u32> {
        let a = wait(10, n).await?;
        let b = wait(30, n).await?;
        let c = wait(40, a).await?;
        let d = wait_ref(10, &a, &b).await?;
        Ok(c + d)
    }
);
workflow!(
    async fn mixed(intent: Intent, n: u32) -> Result<u32> {
        #[retry(3, backoff = 200ms..5s)]
        #[timeout(10s)]
        let a = wait(10, n).await?;
        let r = route!(match intent {
            Intent::Billing => wait(5, a),
            #[flow]
            Intent::Other => document(a),
        })
        .await?;
        let views = fan_out!(left = wait(5, r), #[timeout(1s)] right = wait(6, r)).await?;
        let list = fan_out!(for i in 0..4u32 { wait(7, i + r) }).concurrency(2).await?;
        #[when(n > 3)]
        let big = wait(1, n).await?;
        #[or(7)]
        let ored = wait(1, n).await?;
        if n > 100 {
            wait(1, n).await?;
            return Ok(0);
        }
        let mut total = 0;
        for item in &list {
            total += wait(1, *item).await?;
        }
        #[max(3)]
        loop {
            let t = wait(1, total).await?;
            if t > 0 { break; }
        }
        Ok(views.left + views.right + total + big.unwrap_or(0) + ored)
    }
);

#[tokio::test(start_paused = true)]
async fn runs() {
    let t = Instant::now();
    assert_eq!(document(1).await.unwrap(), 3);
    assert_eq!(t.elapsed().as_millis(), 60);
    let t = Instant::now();
    assert_eq!(enn(1).await.unwrap(), 3);
    assert_eq!(t.elapsed().as_millis(), 50);
    let r = Recorder::default();
    println!("{:?}", mixed::observed(&r, Intent::Other, 4).await);
    println!("{:#?}", r.records().iter().map(|r| (r.name, r.status, r.parent)).collect::<Vec<_>>());
    println!("{}", mixed::PLAN.mermaid());
    println!("{}", mixed::PLAN.to_json());
    fn send<T: Send>(_: T) {}
    send(mixed(Intent::Other, 3));
}
