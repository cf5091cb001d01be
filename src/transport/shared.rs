//! What all users of a worker share: the prepared requests, and memory lent for the length of one.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use crate::plan::{HttpPlan, Plan};

use super::address::{Origin, Resolver};
use super::kept::{Kept, Ration};
use super::parser::ResponseParser;
use super::wire::Wire;
use super::{Clock, Permit, SourcePool, Timers, TlsSetup};

/// What all users of a worker share.
#[derive(Debug)]
pub struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) tls: TlsSetup,
    pub(super) permit: Permit,
    pub(super) resolver: Resolver,
    pub(super) open: Rc<Cell<u64>>,
    pub(super) timers: Rc<Timers>,
    pub(super) sources: SourcePool,
    pub(super) target: Rc<Origin>,
    pub(super) wires: Vec<Wire>,
    pub(super) scratch: RefCell<Box<[u8]>>,
    pub(super) parsers: RefCell<Vec<ResponseParser>>,
    pub(super) buffers: RefCell<Vec<Vec<u8>>>,
    /// Idle connections, where users share them.
    pub(super) kept: RefCell<Kept>,
    pub(super) ration: Ration,
}

/// A response larger than this takes more than one read; 64 KiB is the most that loopback delivers at once.
const SCRATCH: usize = 64 * 1024;

/// Streams are read as they come, so nobody may compress them.
fn compile(plan: &Plan) -> Vec<Wire> {
    let is_stream = |at| plan.streams.iter().any(|stream| stream.request.0 as usize == at);
    let requests = plan.requests.iter().enumerate();
    requests.map(|(at, request)| Wire::compile(request, plan, !is_stream(at))).collect()
}

impl Shared {
    /// Prepares a worker for `plan`.
    pub fn new(plan: Arc<Plan>, tls: TlsSetup, permit: Permit, timers: Rc<Timers>) -> Rc<Self> {
        let wires = compile(&plan);
        Rc::new(Self {
            sources: SourcePool::new(&plan.http.source_ips),
            target: Rc::new(Origin::of_target(&plan.target)),
            wires,
            tls,
            permit,
            resolver: Resolver::default(),
            open: Rc::default(),
            timers,
            scratch: RefCell::new(vec![0; SCRATCH].into()),
            parsers: RefCell::default(),
            buffers: RefCell::default(),
            kept: RefCell::default(),
            ration: Ration::default(),
            plan,
        })
    }

    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.timers.clock()
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> u64 {
        self.open.get()
    }

    /// Allows `most` connections at once; idle ones are closed to make room, and counted.
    pub fn limit_connections(&self, most: u64) {
        self.ration.limit(most);
    }

    /// How many idle connections were closed to make room.
    pub fn closed_to_make_room(&self) -> u64 {
        self.ration.closed()
    }

    /// The address that the first user's connections come from.
    pub(super) fn first_source(&self) -> Option<IpAddr> {
        self.sources.of_user(0)
    }

    /// How connections behave.
    pub(super) fn http(&self) -> &HttpPlan {
        &self.plan.http
    }
}
