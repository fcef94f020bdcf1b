//! Answers that are not the interface's, amid good ones and at the start.

use super::*;

/// Reads documents that begin with a brace, as a platform's reader would.
fn braced(body: Bytes) -> Result<Bytes, Misfit> {
    if body.is_empty() {
        Err(Misfit::CutOff("it is empty".to_owned()))
    } else if body.starts_with(b"{\"results\"") {
        Ok(body)
    } else {
        Err(Misfit::Foreign("it has no results".to_owned()))
    }
}

fn good() -> String {
    json("{\"results\":[]}")
}

fn odd_ones() -> Vec<String> {
    let page = "<html><title>Sign in</title></html>";
    let html = "Content-Type: text/html\r\n";
    vec![
        reply("200 OK", html, page),
        json(page),
        json("{\"status\":\"UP\"}"),
        json("ok"),
        reply("204 No Content", "", ""),
        reply(
            "302 Found",
            "Location: http://login.example.com/?next=x\r\n",
            "",
        ),
        reply("403 Forbidden", html, page),
        reply("404 Not Found", "", page),
        reply("400 Bad Request", html, page),
        reply("511 Network Authentication Required", html, page),
    ]
}

async fn ask(client: &Client, tenant: &str) -> Result<Bytes, SourceError> {
    let url = client.base().join("search").unwrap();
    let tenant = Tenant::Named(tenant.to_owned());
    client.get(&url, &tenant, None, braced).await
}

#[tokio::test]
async fn one_odd_answer_amid_good_ones_is_transient() {
    for odd in odd_ones() {
        let server = Server::start(vec![good(), odd.clone(), odd.clone(), good()]).await;
        let client = Client::new(settings(&server.base), Wording::Kept).unwrap();
        assert!(ask(&client, "main").await.is_ok());
        assert!(ask(&client, "main").await.is_ok(), "{odd}");
        assert_eq!(client.requests(), 4, "{odd}");
    }
}

#[tokio::test]
async fn an_odd_answer_at_the_start_is_final_at_once() {
    for odd in odd_ones() {
        let server = Server::start(vec![odd.clone(), good()]).await;
        let client = Client::new(settings(&server.base), Wording::Kept).unwrap();
        assert!(ask(&client, "main").await.is_err(), "{odd}");
        assert_eq!(client.requests(), 1, "{odd}");
    }
}

#[tokio::test]
async fn an_odd_answer_that_stays_is_final_and_says_how_often_it_came() {
    let login = odd_ones().swap_remove(0);
    let server = Server::start(vec![good(), login]).await;
    let client = Client::new(settings(&server.base), Wording::Kept).unwrap();
    assert!(ask(&client, "main").await.is_ok());
    let error = ask(&client, "main").await.unwrap_err();
    assert_eq!(error.code(), "not_the_interface");
    assert!(error.to_string().contains(" times in "), "{error}");
    assert!(client.requests() > 4);
}

#[tokio::test]
async fn what_is_known_of_one_tenant_says_nothing_of_another() {
    let page = reply("404 Not Found", "Content-Type: text/html\r\n", "<html>");
    let server = Server::start(vec![good(), page]).await;
    let client = Client::new(settings(&server.base), Wording::Kept).unwrap();
    assert!(ask(&client, "main").await.is_ok());
    assert_eq!(ask(&client, "other").await.unwrap_err().code(), "not_found");
    assert_eq!(client.requests(), 2);
}

#[tokio::test]
async fn a_cut_off_answer_is_asked_for_again_wherever_it_ends() {
    for cut in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"results\"".to_owned(),
        json(""),
        "HTTP/1.1 200 OK\r\nContent-Le".to_owned(),
    ] {
        let server = Server::start(vec![cut.clone(), cut.clone(), good()]).await;
        let client = Client::new(settings(&server.base), Wording::Kept).unwrap();
        assert!(ask(&client, "main").await.is_ok(), "{cut}");
        assert_eq!(client.requests(), 3);
    }
}
