//! Phase (fase).
use super::{Refusal, Suspicion};
use crate::schema::v1::*;
impl Project {
    pub(super) fn phase(&self, id: &str) -> Result<&Phase, Refusal> {
        self.phases
            .iter()
            .find(|phase| phase.phase_id == id)
            .ok_or_else(|| Refusal::not_found("phase", id))
    }
}
pub(super) fn find(_project: &Project, _today: &str, _found: &mut Vec<Suspicion>) {}
