//! The password of whoever is signed in.

use askama::Template;
use axum::response::Response;

use super::answer::{go, page, refused, told};
use super::fields::Fields;
use super::frame::Frame;
use super::visitor::Visitor;
use crate::auth::{Caller, Password};
use crate::Error;

#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    frame: Frame,
    role: &'static str,
    problem: &'a str,
}

fn shown<'a>(visitor: &Visitor, problem: &'a str) -> Account<'a> {
    let frame = Frame::new(visitor, "Your password", "");
    Account { frame, role: visitor.caller().role.name(), problem }
}

pub(super) async fn get(visitor: Visitor) -> Result<Response, Error> {
    page(&shown(&visitor, ""))
}

pub(super) async fn post(visitor: Visitor, fields: Fields) -> Result<Response, Error> {
    match change(visitor.caller(), &fields).await {
        // All sessions have ended, this one, too.
        Ok(()) => Ok(go("/ui/login")),
        Err(error) => {
            let (error, problem) = told(error)?;
            refused(&shown(&visitor, &problem), &error)
        }
    }
}

async fn change(caller: &Caller, fields: &Fields) -> Result<(), Error> {
    let password = Password::new(fields.raw("password"))?;
    caller.tenant.change_password(&caller.token, fields.raw("before"), password).await
}
