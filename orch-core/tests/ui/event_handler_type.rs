use orch_core::Event;
use orch_core::event::Emitter;

#[derive(Event)]
enum Document {
    #[on(extract)]
    Uploaded(String),
}

async fn extract(_: &(), _: &u32, _: &Emitter<Document>) -> orch_core::Result<()> {
    Ok(())
}

fn main() {}
