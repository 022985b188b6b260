use orch_core::guard::{Length, Untrusted};

async fn read(page: Untrusted<String>) -> orch_core::Result<String> {
    page.cleared_by(&Length::at_most(2_000)).await
}

fn main() {}
