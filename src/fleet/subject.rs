//! The names under which messages of one run travel.

use std::fmt;

/// Where agents hear of runs.
pub(super) const CALL: &str = "plimsoll.call";

/// The subjects of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSubjects {
    run: String,
}

impl RunSubjects {
    /// Those of the run with this word.
    pub fn new(run: impl Into<String>) -> Self {
        Self { run: run.into() }
    }

    /// The subject on which agents hear of runs.
    pub const fn call() -> &'static str {
        CALL
    }

    /// The subject on which a leader says that it lives.
    pub fn signs(leader: &str) -> String {
        format!("plimsoll.{leader}.sign")
    }

    /// The run's word.
    pub fn run(&self) -> &str {
        &self.run
    }

    fn of(&self, rest: impl fmt::Display) -> String {
        format!("plimsoll.{}.{rest}", self.run)
    }

    /// Agents offer themselves.
    pub fn join(&self) -> String {
        self.of("join")
    }

    /// Agents tell what must be heard.
    pub fn told(&self) -> String {
        self.of("told")
    }

    /// Agents compare their clocks.
    pub fn clock(&self) -> String {
        self.of("clock")
    }

    /// Agents ask for files.
    pub fn file(&self) -> String {
        self.of("file")
    }

    /// The leader tells all agents.
    pub fn to_all(&self) -> String {
        self.of("to.all")
    }

    /// The leader tells one agent.
    pub fn to_agent(&self, agent: &str) -> String {
        self.of(format_args!("to.{agent}"))
    }

    /// The live view of shard `number`, from 1.
    pub fn live(&self, number: u32) -> String {
        self.of(format_args!("live.{number}"))
    }

    /// The live view of all.
    pub fn all_live(&self) -> String {
        self.of("live.*")
    }

    /// The run log of shard `number`, from 1.
    pub fn log(&self, number: u32) -> String {
        self.of(format_args!("log.{number}"))
    }

    /// The run logs of all.
    pub fn all_logs(&self) -> String {
        self.of("log.*")
    }

    /// The stream that keeps the run logs.
    pub fn stream(&self) -> String {
        format!("plimsoll-{}", self.run)
    }

    /// The shard at the end of a subject.
    pub fn number_of(subject: &str) -> Option<u32> {
        subject.rsplit('.').next()?.parse().ok()
    }
}
