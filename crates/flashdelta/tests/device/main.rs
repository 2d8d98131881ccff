//! What devices do: applying, whole updates, flash, receiving, sets; and cuts of power anywhere.

#[path = "../common/mod.rs"]
mod common;

mod ab;
mod commit;
mod distribute;
mod flash;
mod group;
mod group_bench;
mod group_coordinators;
mod group_real;
mod group_rules;
mod group_world;
mod holes;
mod holes_refused;
mod in_place;
mod mesh;
mod nor_records;
mod odd_flash;
mod power_cuts;
mod receive;
mod receive_faults;
mod receive_refused;
mod set;
mod set_cuts;
mod set_device;
mod set_steps;
mod steps;
mod suspend;
mod suspend_nor;
mod suspend_signed;
