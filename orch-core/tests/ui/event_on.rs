use orch_core::Event;

#[derive(Event)]
enum Document {
    #[on("extract")]
    Uploaded(String),
}

fn main() {}
