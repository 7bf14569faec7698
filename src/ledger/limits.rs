//! How long judging may take while others wait: of one submission, of one tenant's share in a turn, and at one stretch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::aside;
use super::error::AppendError;
use super::judge::Judge;
use super::queue::{BEHIND, COSTLY, Elsewhere, Lane, Places, Waiting};
use super::turns::Turn;

/// What takes more than this to judge is judged aside, and so is what comes of its tenant for a while.
const SWIFT: Duration = Duration::from_millis(5);

/// So many times as long as it took: what was costly by a hair, or seemed to be on a machine that was held up, is soon back.
const TIMES_ASIDE: u32 = 50;

/// So old may what was seen of the work of this thread be when a submission begins.
const LOOK: Duration = Duration::from_millis(1);

/// A state that is more records behind than this is caught up with aside.
const SWIFT_RECORDS: i64 = 200;

/// A tenant's share in a turn: when others are about, when it is alone, and aside.
const IN_COMPANY: Duration = Duration::from_millis(5);
const ALONE: Duration = Duration::from_millis(20);
const ASIDE: Duration = Duration::from_millis(50);

/// So long is judged at a stretch before whatever else there is to do on this thread has its turn.
const STRETCH: Duration = Duration::from_millis(4);

/// The limits of one writer, and how far they are used up.
pub(super) struct Limits<J: Judge> {
    pub lane: Lane,
    pub elsewhere: Elsewhere<J>,
    pub places: Places,
    /// How long one submission may be judged.
    most: Duration,
    share: Duration,
    /// How long the submission has been judged that is being judged, by the clock.
    spent: Duration,
    /// How long this thread had worked when that was looked at, shortly before the submission began; and when that was.
    worked: Duration,
    looked: Instant,
    /// Whether it is to be judged elsewhere or later.
    is_put_off: bool,
    /// What was taken, and is to wait for another turn.
    left: Turn<J>,
    /// When anything else last had its turn on this thread.
    breath: Instant,
}

impl<J: Judge> Limits<J> {
    pub(super) fn new(lane: Lane, elsewhere: Elsewhere<J>, places: Places, most: Duration) -> Self {
        Self {
            lane,
            elsewhere,
            places,
            most,
            share: ALONE,
            spent: Duration::ZERO,
            worked: Duration::ZERO,
            looked: Instant::now(),
            is_put_off: false,
            left: Turn::new(),
            breath: Instant::now(),
        }
    }

    /// A turn begins.
    pub(super) fn turn(&mut self, in_company: bool) {
        self.share = match self.lane {
            Lane::Aside => ASIDE,
            Lane::Swift if in_company => IN_COMPANY,
            Lane::Swift => ALONE,
        };
        self.breath = Instant::now();
    }

    /// A submission begins.
    pub(super) fn begin(&mut self) {
        self.spent = Duration::ZERO;
        self.is_put_off = false;
        if self.worked.is_zero() || self.looked.elapsed() >= LOOK {
            self.worked = aside::worked();
            self.looked = Instant::now();
        }
    }

    /// Counts what has passed since then, and says what time it is.
    pub(super) fn passed_since(&mut self, began: Instant) -> Instant {
        let now = Instant::now();
        self.spent += now - began;
        now
    }

    /// Whether the submission has been judged for so long: by the clock, and by the work of this thread, since what takes long on a busy
    /// machine is not costly. To ask about the work takes longer than to judge most of them.
    fn has_taken(&self, long: Duration) -> bool {
        self.spent >= long && aside::worked().saturating_sub(self.worked) >= long
    }

    /// Whether what takes long goes to another lane. When nothing comes into any queue any more, whoever has it judges it.
    fn is_swift(&self) -> bool {
        self.lane == Lane::Swift && !self.elsewhere.is_closed()
    }

    /// Whether there is time to go on with a submission.
    pub(super) fn go_on<R>(&mut self) -> Result<(), AppendError<R>> {
        if self.is_swift() && self.has_taken(SWIFT) {
            return Err(self.judge_elsewhere());
        }
        if self.has_taken(self.most) {
            return Err(AppendError::TooCostly { most: self.most });
        }
        Ok(())
    }

    /// How many records a state may be behind.
    pub(super) fn records(&self) -> i64 {
        if self.is_swift() { SWIFT_RECORDS } else { i64::MAX }
    }

    /// Puts off what is being judged: there is more to it than there is time for here.
    pub(super) const fn judge_elsewhere<R>(&mut self) -> AppendError<R> {
        self.is_put_off = true;
        AppendError::TooCostly { most: self.most }
    }

    /// A submission has been judged, or put off: says which.
    pub(super) fn is_put_off(&mut self, tenant: &Arc<str>) -> bool {
        if self.has_taken(SWIFT) {
            self.places.is_costly(tenant, (self.spent * TIMES_ASIDE).min(COSTLY));
        } else if self.is_put_off {
            self.places.is_costly(tenant, BEHIND);
        }
        std::mem::take(&mut self.is_put_off)
    }

    /// Whether a tenant that has been judged for so long has had its share of the turn.
    pub(super) fn had_its_share(&self, began: Instant) -> bool {
        began.elapsed() >= self.share
    }

    /// Keeps what is left of a tenant for another turn.
    pub(super) fn put_off(&mut self, tenant: Arc<str>, left: VecDeque<Waiting<J>>) {
        self.left.entry(tenant).or_default().extend(left);
    }

    /// What is to wait for another turn.
    pub(super) fn take_left(&mut self) -> Turn<J> {
        std::mem::take(&mut self.left)
    }

    /// Lets others have their turn on this thread, when it is time.
    pub(super) async fn breathe(&mut self) {
        if self.breath.elapsed() >= STRETCH {
            tokio::task::yield_now().await;
            self.breath = Instant::now();
        }
    }
}
