//! orch-core under Miri: its one module with unsafe code, and what it stands on.

use std::process::Command;

use crate::{Failure, nightly, root, run};

/// The tests that run futures; the others start programs, or fit routers, which takes an interpreter hours.
const TESTS: [&str; 6] = ["workflow::", "fan_out::", "pipeline::", "errors::", "observers::", "natural::"];

pub(crate) fn run_all() -> Result<(), Failure> {
    nightly::install()?;
    run(Command::new("rustup").current_dir(root()).args([
        "component",
        "add",
        "--toolchain",
        "nightly",
        "miri",
        "rust-src",
    ]))?;
    let mut miri = nightly::cargo();
    miri.args(["miri", "test", "--quiet", "--package", "orch-core", "--test", "it"]);
    miri.args(["--target-dir", "target/miri", "--"]).args(TESTS);
    // Tests read the clock and spawn threads.
    run(miri.env("MIRIFLAGS", "-Zmiri-disable-isolation"))?;
    // The loops compiled for more than one processor, for each of them: that crate alone, or all it needs would be built
    // four times.
    for features in
        ["", "+avx2", "+avx2,+avx512f,+avx512bw,+avx512vl", "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni"]
    {
        let mut miri = nightly::cargo();
        let flags = format!("profile.dev.package.orch-core.rustflags=['-Ctarget-feature={features}']");
        miri.args(["miri", "test", "--quiet", "-Zprofile-rustflags", "--config", &flags]);
        miri.args(["--package", "orch-core", "--lib", "--target-dir", "target/miri", "--", "simd::"]);
        run(&mut miri)?;
    }
    Ok(())
}
