//! Routes what stands on the command line.

use orch_core::router::Router;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let message = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let message = if message.is_empty() { "where is my parcel".to_owned() } else { message };
    let decision = {crate}::router()?.decide(&message).await?;
    println!("{message}: {:?}, by {} ({:.2})", decision.route, decision.decided_by, decision.confidence);
    Ok(())
}
