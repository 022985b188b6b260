use orch_core::Event;
use orch_core::event::Emitter;

#[derive(Event)]
#[event(contex = String)]
enum Document {
    #[on(extract)]
    Uploaded,
}

async fn extract(_: &(), _: &Emitter<Document>) -> orch_core::Result<()> {
    Ok(())
}

fn main() {}
