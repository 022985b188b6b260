use orch_core::guard::{Injection, Pii};

async fn read(record: Pii<String>) -> orch_core::Result<String> {
    record.cleared_by(&Injection::refused()).await
}

fn main() {}
