use orch_core::Event;
use orch_core::event::Emitter;

#[derive(Event)]
enum Document {
    #[on(extract)]
    Uploaded(String),
    Extracted(String),
}

async fn extract(_: &(), _: &String, _: &Emitter<Document>) -> orch_core::Result<()> {
    Ok(())
}

fn main() {}
