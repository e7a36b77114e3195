//! The one thread that a store owns: listeners in commit order, log entries, compaction, the turn of the day.
//!
//! No command ever waits for it, and it holds no lock while it calls an app.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use super::config::LogEntry;
use super::{Inner, LogLevel, Store};
use crate::ids::CaseId;
use crate::time::Day;

/// What a commit could have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Cases and participants.
    Cases,
    /// Visitation plans and due visits.
    VisitationPlans,
    /// Contacts.
    Contacts,
    /// Drafts.
    Drafts,
    /// Fields in conflict.
    Conflicts,
    /// Issues.
    Issues,
    /// The domain and its certificates.
    Identity,
    /// The day has turned in the store's zone.
    Today,
}

/// What changed since a listener was last called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What kinds of things.
    pub topics: BTreeSet<Topic>,
    /// In which cases.
    pub cases: BTreeSet<CaseId>,
}

impl Changes {
    /// One topic, in a case or everywhere.
    pub fn of(topic: Topic, case: Option<CaseId>) -> Self {
        Self { topics: BTreeSet::from([topic]), cases: case.into_iter().collect() }
    }

    /// Adds what another commit changed.
    pub fn add(&mut self, other: Self) {
        self.topics.extend(other.topics);
        self.cases.extend(other.cases);
    }
}

/// A listener failed. It stays subscribed; the failure is logged by its class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a listener failed: {class}")]
pub struct ListenerFailed {
    /// The class of the failure, never its text.
    pub class: String,
}

/// Told what changed. Called on the store's own thread, with no lock held.
pub trait ChangeListener: Send + Sync {
    /// Something changed.
    fn on_change(&self, changes: &Changes) -> Result<(), ListenerFailed>;
}

enum Message {
    Changed(Changes),
    Log(LogEntry),
    /// These documents, or all, may be due.
    Compact(Option<Vec<i64>>),
    Stop,
}

type Listeners = Arc<Mutex<Vec<(u64, Arc<dyn ChangeListener>)>>>;

/// A subscription; it ends with [`Watch::cancel`], not by being dropped.
#[derive(Clone)]
pub struct Watch {
    id: u64,
    listeners: Listeners,
}

impl Watch {
    /// Ends the subscription. A call that is under way is finished.
    pub fn cancel(&self) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| *id != self.id);
    }
}

pub(crate) struct Worker {
    sender: Mutex<Sender<Message>>,
    receiver: Mutex<Option<Receiver<Message>>>,
    listeners: Listeners,
    thread: Mutex<Option<(ThreadId, JoinHandle<()>)>>,
    calling: Arc<AtomicBool>,
}

/// How often the day is looked at.
const DAY_POLL: Duration = Duration::from_secs(30);

impl Worker {
    pub fn new() -> Self {
        let (sender, receiver) = channel();
        Self {
            sender: Mutex::new(sender),
            receiver: Mutex::new(Some(receiver)),
            listeners: Arc::default(),
            thread: Mutex::new(None),
            calling: Arc::default(),
        }
    }

    /// Starts the thread; the store that it serves keeps it, not the other way round.
    pub fn start(&self, store: &Arc<Inner>) {
        let Some(receiver) = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let (store, listeners) = (Arc::downgrade(store), self.listeners.clone());
        let calling = self.calling.clone();
        let spawned = std::thread::Builder::new()
            .name("caseplan".to_owned())
            .spawn(move || Loop { store, listeners, receiver, calling, day: None }.run());
        // Without the thread, commands still work; nobody is told and nothing is compacted.
        if let Ok(handle) = spawned {
            *self.thread.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((handle.thread().id(), handle));
        }
    }

    pub fn changed(&self, changes: Changes) {
        self.send(Message::Changed(changes));
    }

    pub fn log(&self, entry: LogEntry) {
        self.send(Message::Log(entry));
    }

    /// Has documents looked at: these, or all.
    pub fn compact(&self, documents: Option<Vec<i64>>) {
        self.send(Message::Compact(documents));
    }

    fn send(&self, message: Message) {
        // A stopped thread has nobody left to tell.
        let _ = self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(message);
    }

    pub fn watch(&self, listener: Arc<dyn ChangeListener>) -> Watch {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let id = listeners.last().map_or(0, |(id, _)| id + 1);
        listeners.push((id, listener));
        Watch { id, listeners: self.listeners.clone() }
    }

    /// Ends the thread and waits for it, unless this is it, or it is within an app's code: that may be waiting for
    /// whoever closes the store, and touches nothing of the store any more when it returns.
    pub fn stop(&self) {
        self.send(Message::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((id, handle)) = thread
            && id != std::thread::current().id()
        {
            while !handle.is_finished() && !self.calling.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

struct Loop {
    store: Weak<Inner>,
    listeners: Listeners,
    receiver: Receiver<Message>,
    calling: Arc<AtomicBool>,
    day: Option<Day>,
}

impl Loop {
    fn run(mut self) {
        loop {
            let first = match self.receiver.recv_timeout(DAY_POLL) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let (mut changes, mut compact) = (Changes::default(), Vec::new());
            for message in first.into_iter().chain(self.receiver.try_iter().collect::<Vec<_>>()) {
                match message {
                    Message::Changed(more) => changes.add(more),
                    Message::Log(entry) => self.log(&entry),
                    Message::Compact(documents) => compact.push(documents),
                    Message::Stop => return,
                }
            }
            self.turn_of_the_day(&mut changes);
            if !changes.topics.is_empty() {
                self.tell(&changes);
            }
            self.compact(compact);
        }
    }

    fn compact(&self, due: Vec<Option<Vec<i64>>>) {
        let Some(inner) = self.store.upgrade().filter(|_| !due.is_empty()) else { return };
        let documents: Option<BTreeSet<i64>> =
            due.into_iter().try_fold(BTreeSet::new(), |mut all, documents| {
                all.extend(documents?);
                Some(all)
            });
        let store = Store { inner };
        if let Err(error) = store.compact_due(documents) {
            store.log_failure("compaction.failed", &error);
        }
    }

    fn turn_of_the_day(&mut self, changes: &mut Changes) {
        let Some(inner) = self.store.upgrade() else { return };
        let store = Store { inner };
        let Ok(day) = store.this_day() else { return };
        if self.day.replace(day).is_some_and(|before| before != day) {
            let _ = store.extend_horizon(day);
            store.settle_taken_back();
            changes.add(Changes::of(Topic::Today, None));
        }
    }

    fn tell(&self, changes: &Changes) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (_, listener) in listeners {
            self.calling.store(true, Ordering::SeqCst);
            let told = listener.on_change(changes);
            self.calling.store(false, Ordering::SeqCst);
            if let Err(failed) = told {
                self.log(&LogEntry {
                    level: LogLevel::Warning,
                    code: "listener.failed",
                    // Where the class ends, a text may begin, and that may hold anything.
                    ids: vec![
                        failed
                            .class
                            .chars()
                            .take_while(|c| c.is_alphanumeric() || "._$".contains(*c))
                            .take(80)
                            .collect(),
                    ],
                });
            }
        }
    }

    fn log(&self, entry: &LogEntry) {
        let sink = self.store.upgrade().and_then(|inner| inner.config.log.clone());
        if let Some(sink) = sink {
            self.calling.store(true, Ordering::SeqCst);
            let _ = sink.log(entry);
            self.calling.store(false, Ordering::SeqCst);
        }
    }
}
