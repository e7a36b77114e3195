//! What lies between two processes: carries the bytes, counts them and the turns, delays them, and ends after so many.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Which way bytes go: up from whoever connects, down to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Up,
    Down,
}

pub const BOTH: [Way; 2] = [Way::Up, Way::Down];

/// What went through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Passed {
    /// Bytes up and down.
    pub bytes: [u64; 2],
    /// How often the other side began to speak.
    pub turns: u64,
    last: Option<usize>,
}

impl Passed {
    pub fn total(&self) -> u64 {
        self.bytes[0] + self.bytes[1]
    }

    pub fn of(&self, way: Way) -> u64 {
        self.bytes[way as usize]
    }
}

/// What is done to a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan {
    /// Lets so many bytes pass this way, and no more.
    pub most: Option<(Way, u64)>,
    /// After those it tells, and holds the rest of that way up; otherwise it cuts.
    pub hold: bool,
    /// How long every byte is on its way.
    pub delay: Duration,
}

/// A proxy for one connection.
pub struct Proxy {
    port: u16,
    reached: Receiver<()>,
    thread: JoinHandle<Passed>,
}

impl Proxy {
    pub fn to(server: SocketAddr, plan: Plan) -> Self {
        let socket = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let (tell, reached) = channel();
        let thread = thread::spawn(move || {
            let (client, _) = socket.accept().unwrap();
            let server = TcpStream::connect(server).unwrap();
            between(&client, &server, plan, &tell)
        });
        Self { port, reached, thread }
    }

    pub fn address(&self, host: &str) -> String {
        format!("{host}:{}", self.port)
    }

    /// Waits until as many bytes passed as the plan says; not so if the connection ended before.
    pub fn reached(&self) -> bool {
        self.reached.recv().is_ok()
    }

    /// What went through, once the connection is over.
    pub fn passed(self) -> Passed {
        self.thread.join().unwrap()
    }
}

fn between(client: &TcpStream, server: &TcpStream, plan: Plan, tell: &Sender<()>) -> Passed {
    let passed = Arc::new(Mutex::new(Passed::default()));
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    thread::scope(|scope| {
        for (way, from, to) in [(Way::Up, client, server), (Way::Down, server, client)] {
            let most = plan.most.filter(|most| most.0 == way).map(|most| most.1);
            let (passed, tell, cut) = (passed.clone(), tell.clone(), Arc::new(AtomicBool::new(false)));
            let (send, due) = channel::<(Instant, Vec<u8>)>();
            let is_cut = cut.clone();
            scope.spawn(move || {
                for (at, bytes) in due {
                    thread::sleep(at.saturating_duration_since(Instant::now()));
                    if write(to, &bytes).is_err() {
                        break;
                    }
                }
                if is_cut.load(Ordering::SeqCst) {
                    let _ = client.shutdown(Shutdown::Both);
                    let _ = server.shutdown(Shutdown::Both);
                } else {
                    // Whoever spoke here has ended; the other side may still have something to say.
                    let _ = to.shutdown(Shutdown::Write);
                }
            });
            scope.spawn(move || {
                let whole = carry(from, way, most, plan.delay, &passed, &send);
                if !whole && plan.hold {
                    let _ = tell.send(());
                    // Whoever is killed now ends this.
                    let _ = std::io::copy(&mut { from }, &mut std::io::sink());
                }
                // All that may pass is written before the cut.
                cut.store(!whole, Ordering::SeqCst);
                drop(send);
            });
        }
    });
    let passed = passed.lock().unwrap();
    *passed
}

/// Carries bytes until they end, or there were as many as may pass: then it says no.
fn carry(
    from: &TcpStream,
    way: Way,
    mut most: Option<u64>,
    delay: Duration,
    passed: &Mutex<Passed>,
    send: &Sender<(Instant, Vec<u8>)>,
) -> bool {
    let mut buffer = [0; 16 * 1024];
    loop {
        if most == Some(0) {
            return false;
        }
        let Ok(count @ 1..) = Read::read(&mut { from }, &mut buffer) else { return true };
        let count = most.map_or(count, |most| count.min(usize::try_from(most).unwrap_or(count)));
        most = most.map(|most| most - count as u64);
        {
            let mut passed = passed.lock().unwrap();
            passed.bytes[way as usize] += count as u64;
            passed.turns += u64::from(passed.last.replace(way as usize) != Some(way as usize));
        }
        if send.send((Instant::now() + delay, buffer[..count].to_vec())).is_err() {
            return true;
        }
    }
}

fn write(to: &TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    Write::write_all(&mut { to }, bytes)
}
