use orch_core::workflow;

workflow!(
    #[deadline(1s)]
    async fn answer() {
        std::future::ready(()).await;
    }
);

fn main() {}
