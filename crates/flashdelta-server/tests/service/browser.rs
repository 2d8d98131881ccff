//! A browser without JavaScript: pages, their forms, and a cookie.

use std::collections::BTreeMap;

use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};

use crate::server::Server;

/// A browser.
pub(crate) struct Browser<'a> {
    server: &'a Server,
    client: Client,
    pub(crate) cookie: String,
}

/// A form of a page, with what is in it from the start.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { server, client, cookie: String::new() }
    }

    /// One that is signed in.
    pub(crate) async fn signed_in(
        server: &'a Server,
        tenant: &str,
        name: &str,
        password: &str,
    ) -> Self {
        let mut browser = Self::new(server);
        let answer = browser.sign_in(tenant, name, password).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        browser
    }

    pub(crate) async fn sign_in(&mut self, tenant: &str, name: &str, password: &str) -> Response {
        let form = self.form("/ui/login", "/ui/login").await;
        let form = form.with("tenant", tenant).with("name", name).with("password", password);
        let answer = self.send(&form).await;
        if let Some(set) = answer.headers().get("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(set.contains("; HttpOnly; SameSite=Lax"), "{set}");
            self.cookie = set.split(';').next().unwrap().to_owned();
        }
        answer
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.server.url(path));
        if self.cookie.is_empty() {
            request
        } else {
            request.header("cookie", &self.cookie)
        }
    }

    /// A page that is there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        let status = answer.status();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }

    /// A form of a page, by where it goes.
    pub(crate) async fn form(&self, page: &str, action: &str) -> Form {
        let text = self.page(page).await;
        let forms = text.split("<form").skip(1);
        let mut forms = forms.map(|form| form.split("</form>").next().unwrap());
        let of = format!(" action=\"{action}\"");
        let form = forms.find(|form| {
            let start = form.split('>').next().unwrap();
            start.contains(&of) && start.contains("method=\"post\"")
        });
        let form = form.unwrap_or_else(|| panic!("no form to {action}: {text}"));
        let hidden = form.split("<input type=\"hidden\" ").skip(1).map(|input| {
            let value = |name: &str| {
                let rest = input.split(&format!("{name}=\"")).nth(1).unwrap();
                rest.split('"').next().unwrap().to_owned()
            };
            (value("name"), value("value"))
        });
        Form { action: action.to_owned(), fields: hidden.collect() }
    }

    /// Sends a form, as it is coded without a file.
    pub(crate) async fn send(&self, form: &Form) -> Response {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(&form.fields).finish();
        let request = self.request(Method::POST, &form.action);
        let kind = "application/x-www-form-urlencoded";
        request.header("content-type", kind).body(body).send().await.unwrap()
    }

    /// Sends a form with a file.
    pub(crate) async fn upload(&self, form: &Form, name: &str, bytes: &[u8]) -> Response {
        let mut body = Vec::new();
        // The token of the form is the first field of the page.
        let mut fields: Vec<_> = form.fields.iter().collect();
        fields.sort_by_key(|(name, _)| *name != "csrf");
        for (name, value) in fields {
            let head = format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend(format!("{head}{value}\r\n").into_bytes());
        }
        let head = format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend(head.into_bytes());
        body.extend(bytes);
        body.extend(b"\r\n--x--\r\n");
        let request = self.request(Method::POST, &form.action);
        let kind = "multipart/form-data; boundary=x";
        request.header("content-type", kind).body(body).send().await.unwrap()
    }
}

impl Form {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.insert(name.to_owned(), value.to_owned());
        self
    }
}

/// Where an answer leads to.
pub(crate) fn leads_to(answer: &Response) -> &str {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    answer.headers()["location"].to_str().unwrap()
}
