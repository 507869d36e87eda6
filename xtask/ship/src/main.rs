//! The satellite that packs and sends.
//!
//! It gets one request, as one line on its standard input, and answers in lines on its standard output
//! (`nexus_xtask::satellite`). Nothing is decided here that the plan does not say; what goes out goes out here.

use std::io::Read as _;
use std::process::ExitCode;

use nexus_xtask::clock::Clock;
use nexus_xtask::environment::Environment;
use nexus_xtask::failure::{Failure, Result};
use nexus_xtask::satellite::{self, Envelope, Failed, Message};
use nexus_xtask::shell::Shell;
use nexus_xtask::workspace::Workspace;
use nexus_xtask_deliver::deploy::protocol as deploy;
use nexus_xtask_deliver::observe::trace::protocol as trace;
use nexus_xtask_deliver::release::protocol::Request;

mod ask;
mod forge;
mod consumer;
mod export;
mod http;
mod inspect;
mod loopback;
mod probe;
mod publish;
mod reading;
mod registry;
mod rehearse;
mod speak;
mod stage;
mod trouble;
mod verify;
mod withdraw;

fn main() -> ExitCode {
    let message = match answer() {
        Ok(answer) => Message::Done { answer },
        Err(failure) => Message::Failed(Failed::from(failure)),
    };
    let code = match &message {
        Message::Failed(failed) => ExitCode::from(failed.exit),
        _ => ExitCode::SUCCESS,
    };
    speak::say(&message);
    code
}

fn answer() -> Result<serde_json::Value> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(anyhow::Error::from)?;
    let asked = serde_json::from_str::<serde_json::Value>(&line).unwrap_or_default();
    let version = asked["version"].as_u64();
    if version != Some(u64::from(satellite::VERSION)) {
        return Err(Failure::usage("the front and its satellite are not of one version")
            .why(format!("this satellite is {}", env!("CARGO_PKG_VERSION")))
            .next("install both from the same version"));
    }
    let verb = asked["request"]["verb"].as_str().unwrap_or_default();
    end_with_the_front();
    let environment = Environment::of_process()?;
    match verb {
        _ if deploy::VERBS.contains(&verb) => of_deploy(&environment, read(&line)?),
        _ if trace::VERBS.contains(&verb) => of_trace(&environment, read(&line)?),
        _ => of_release(&environment, read(&line)?),
    }
}

fn read<R: serde::de::DeserializeOwned>(line: &str) -> Result<Envelope<R>> {
    serde_json::from_str(line)
        .map_err(|error| Failure::usage("the request cannot be read").why(error.to_string()))
}

fn of_deploy(environment: &Environment, envelope: Envelope<deploy::Request>) -> Result<serde_json::Value> {
    let clock = Clock::system();
    match envelope.request {
        deploy::Request::Probe(wanted) => answered(block_on(probe::probe(&clock, &wanted, say_part))?),
        deploy::Request::Ask(wanted) => answered(block_on(reading::read(&wanted))?),
        deploy::Request::Announce(wanted) => ask::announce(environment, &clock, &wanted),
    }
}

fn of_trace(environment: &Environment, envelope: Envelope<trace::Request>) -> Result<serde_json::Value> {
    match envelope.request {
        trace::Request::Export(wanted) => {
            answered(block_on(async { Ok(export::export(environment, &wanted).await?) })?)
        }
    }
}

fn say_part(part: &deploy::Sample) {
    // Plain data always becomes JSON; a part that did not would be missed in the answer, which has it too.
    if let Ok(part) = serde_json::to_value(part) {
        speak::say(&Message::Part { part });
    }
}

fn of_release(environment: &Environment, envelope: Envelope<Request>) -> Result<serde_json::Value> {
    let workspace = Workspace::at(&envelope.root);
    let clock = Clock::system();
    let shell = Shell::new(workspace.root(), environment);
    match envelope.request {
        Request::Publish(wanted) => {
            answered(block_on(publish::publish(&workspace, environment, &clock, wanted))?)
        }
        Request::Observe(wanted) => {
            answered(block_on(publish::observe(&workspace, environment, &clock, wanted))?)
        }
        Request::Rehearse(wanted) => answered(rehearse::rehearse(&shell, environment, &clock, &wanted)?),
        Request::Matrix(wanted) => answered(rehearse::everywhere(&shell, environment, &clock, &wanted)?),
        Request::Inspect(wanted) => answered(block_on(inspect::inspect(environment, &clock, &wanted))?),
        Request::Verify(wanted) => answered(block_on(verify::verify(environment, &clock, &wanted))?),
        Request::Withdraw(wanted) => answered(block_on(withdraw::withdraw(environment, &clock, &wanted))?),
        Request::Checks(wanted) => ask::checks(environment, &clock, &wanted),
        Request::Issues(wanted) => ask::issues(environment, &clock, &wanted),
        Request::PullRequest(wanted) => ask::pull_request(environment, &clock, &wanted),
        Request::Settings(wanted) => ask::settings(environment, &clock, &wanted),
        Request::Published(wanted) => ask::published(environment, &clock, &wanted),
        Request::ServeForge(wanted) => loopback::forge::serve(wanted),
        Request::ServeRegistry(wanted) => loopback::registry::serve(environment, &clock, &wanted),
        Request::Stage(wanted) => answered(stage::run(&workspace, environment, &wanted)?),
        Request::Unpack(wanted) => answered(stage::unpack(&wanted)?),
    }
}

fn answered(answer: impl serde::Serialize) -> Result<serde_json::Value> {
    Ok(serde_json::to_value(answer).map_err(anyhow::Error::from)?)
}

fn block_on<A>(work: impl Future<Output = Result<A>>) -> Result<A> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(anyhow::Error::from)?.block_on(work)
}

/// Ends this process when the front is gone: its end of the input closes.
fn end_with_the_front() {
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        // Whether it ends well or not, nobody is there any more.
        std::io::stdin().read_to_end(&mut rest).ok();
        std::process::abort();
    });
}
