//! Handovers read: all of a project in order, what still waits for one, and what each municipality has to do with it (L2).

use std::collections::BTreeMap;

use crate::schema::v1::*;

/// The handovers of a project as it stands, and the part that municipalities take in its deliverables.
#[must_use]
pub fn handover_reading(project: &Project) -> HandoverReading {
    let standing: Vec<&Deliverable> = project
        .deliverables
        .iter()
        .filter(|deliverable| deliverable.dropped.is_none())
        .collect();
    let mut handovers: Vec<DeliverableHandover> = standing
        .iter()
        .flat_map(|deliverable| {
            deliverable.handovers.iter().map(|handover| DeliverableHandover {
                deliverable_id: deliverable.deliverable_id.clone(),
                name: deliverable.name.clone(),
                handover: Some(handover.clone()),
            })
        })
        .collect();
    handovers.sort_by(|one, other| day(one).cmp(day(other)));
    let waiting = standing
        .iter()
        .filter(|deliverable| deliverable.accepted.is_some() && deliverable.handovers.is_empty());
    HandoverReading {
        handovers,
        awaiting_deliverable_ids: waiting.map(|deliverable| deliverable.deliverable_id.clone()).collect(),
        municipalities: municipalities(&standing),
        position: project.position,
    }
}

fn day(handed: &DeliverableHandover) -> &str {
    handed.handover.as_ref().map_or("", |handover| &handover.handed_over)
}

/// One municipality is one organisation number, however it is named.
fn municipalities(standing: &[&Deliverable]) -> Vec<MunicipalityParticipation> {
    let mut parts: BTreeMap<&str, MunicipalityParticipation> = BTreeMap::new();
    for deliverable in standing {
        for participant in &deliverable.participants {
            part(&mut parts, participant)
                .participates_in_deliverable_ids
                .push(deliverable.deliverable_id.clone());
        }
        let hosts = deliverable
            .handovers
            .iter()
            .filter_map(|handover| handover.host_municipality.as_ref());
        for host in hosts {
            let hosted = &mut part(&mut parts, host).hosts_deliverable_ids;
            // It may host what several units of the line receive.
            if hosted.last() != Some(&deliverable.deliverable_id) {
                hosted.push(deliverable.deliverable_id.clone());
            }
        }
    }
    parts.into_values().collect()
}

fn part<'a, 'b>(
    parts: &'b mut BTreeMap<&'a str, MunicipalityParticipation>,
    municipality: &'a OrganizationReference,
) -> &'b mut MunicipalityParticipation {
    parts
        .entry(&municipality.organization_number)
        .or_insert_with(|| MunicipalityParticipation {
            municipality: Some(municipality.clone()),
            ..MunicipalityParticipation::default()
        })
}
