use orch_core::guard::Pii;
use orch_core::model::Message;

fn main() {
    let _ = Message::user(Pii::new(String::from("Ann, born 1980")));
}
