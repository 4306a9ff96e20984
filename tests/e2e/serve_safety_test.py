#!/usr/bin/env python3
"""Who may call `holdfast serve`, and what it never tells. usage: HOLDFAST=path/to/holdfast serve_safety_test.py"""
import hashlib
import signal
import unittest

from bench import until
from serving import CHAT, MESSAGES, OLLAMA, Serving, asked

TOKENS = {name: f"hf_{name}-0123456789abcdefghijklmnopqrstuv" for name in ("relay", "reader", "ana", "root")}
SCOPES = {"relay": ["proxy"], "reader": ["read"], "ana": ["answer"], "root": ["admin"]}


class Hosts(Serving):
    def test_a_name_that_is_not_ours_is_refused_everywhere(self):
        for path in ("/holdfast/v1/jobs", "/", "/v1/models", "/jobs/a/v1/models", "/metrics"):
            for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.", "127.0.0.1@evil", "[::2]"):
                with self.subTest(path=path, host=host):
                    self.assertIn(self.get(path, {"Host": host}).status, (400, 403, 421))
        for host in ("localhost", f"localhost:{self.port}", "127.0.0.1", f"127.0.0.1:{self.port}", "LOCALHOST"):
            self.assertEqual(self.get("/holdfast/v1/jobs", {"Host": host}).status, 200, host)

    def test_a_page_of_another_origin_changes_nothing(self):
        body = {"providerName": "Quick", "providerType": "quick_ask"}
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{self.port + 1}"):
            with self.subTest(origin):
                answer = self.control("POST", "/jobs/a/locks", body, {"Origin": origin})
                self.assertEqual(answer.status, 403, answer.body)
                self.assertEqual(self.http("POST", CHAT, asked(CHAT, "m"), {"Origin": origin}).status, 403)
                for answer in (answer, self.http("OPTIONS", "/holdfast/v1/jobs", headers={
                        "Origin": origin, "Access-Control-Request-Method": "POST"})):
                    self.assertFalse([name for name in answer.headers if name.startswith("access-control-")])
        self.assertEqual(self.control("GET", "/jobs").json()["jobs"], [])
        own = self.control("POST", "/jobs/a/locks", body, {"Origin": f"http://127.0.0.1:{self.port}"})
        self.assertIn(own.status, (200, 201), own.body)

    def test_pages_and_answers_say_that_they_are_not_to_be_kept_or_guessed_at(self):
        for path in ("/", "/holdfast/v1/jobs", "/holdfast/v1/nothing"):
            headers = self.get(path).headers
            self.assertEqual((headers["x-content-type-options"], headers["cache-control"]), ("nosniff", "no-store"), path)


class Tokens(Serving):
    configuration = "".join(
        f'[[server.tokens]]\nname = "{name}"\nsha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n'
        f"scopes = {SCOPES[name]}\n".replace("'", '"') for name, token in TOKENS.items())

    def test_without_a_token_nothing_is_served(self):
        for headers in ({}, {"Authorization": "Bearer hf_wrong"}, {"Authorization": TOKENS["root"]}, {"x-api-key": ""},
                        {"Authorization": "Basic " + TOKENS["root"]}, {"Authorization": "Bearer " + TOKENS["root"] + "x"},
                        {"Authorization": "Bearer " + TOKENS["root"][:-1]}):
            for path in ("/holdfast/v1/jobs", "/v1/models", "/api/tags"):
                with self.subTest(path=path, headers=headers):
                    answer = self.get(path, headers)
                    self.assertEqual(answer.status, 401, answer.body)
                    self.assertIn("www-authenticate", answer.headers)
        for path in (CHAT, MESSAGES, OLLAMA):
            name = self.script()
            answer = self.http("POST", path, asked(path, name))
            self.assertEqual(answer.status, 401)
            self.assertIn("error", answer.json(), "in the dialect's shape")
            self.assertEqual(self.log(name), [])
        self.assertEqual(self.get("/holdfast/v1/health/live").status, 200)

    def test_each_scope_allows_what_it_names(self):
        answer_nobody = ("POST", "/holdfast/v1/operations/nobody/answer", {"ask": 1, "option": "continue_5m"})
        for (method, path, body), allowed in ((("GET", "/holdfast/v1/jobs", None), ("reader", "ana", "root")),
                                              (answer_nobody, ("ana", "root")),
                                              (("POST", "/holdfast/v1/jobs/a/locks", {"providerName": "Quick"}), ("root",)),
                                              (("GET", "/v1/models", None), ("relay", "root")),
                                              (("GET", "/metrics", None), ("reader", "ana", "root"))):
            for name, token in TOKENS.items():
                with self.subTest(path=path, token=name):
                    answer = self.http(method, path, body, {"Authorization": "Bearer " + token})
                    self.assertEqual(answer.status == 403, name not in allowed, (answer.status, answer.body))
                    self.assertNotEqual(answer.status, 401)

    def test_a_token_comes_in_each_field_and_reaches_no_provider(self):
        for field, value in (("Authorization", "Bearer " + TOKENS["relay"]), ("x-api-key", TOKENS["relay"]),
                             ("xi-api-key", TOKENS["relay"])):
            for path in (CHAT, OLLAMA):  # the first has a key of its own, the second none
                name = self.script()
                self.assertEqual(self.http("POST", path, asked(path, name), {field: value}).status, 200)
                self.assertNotIn(TOKENS["relay"], str(self.log(name)))

    def test_who_answered_is_the_tokens_name_and_no_secret_is_written_anywhere(self):
        name = self.script("stall=2")
        self.wire().ask(f"/jobs/asked{CHAT}", asked(CHAT, name, text="a prompt that nobody keeps"),
                        {"Holdfast-Provider": "Slow", "Authorization": "Bearer " + TOKENS["relay"]})
        self.credentials = {"Authorization": "Bearer " + TOKENS["ana"]}
        question = self.question("asked")
        said = self.control("POST", f"/operations/{question['operationId']}/answer",
                            {"ask": 1, "option": "wait_until_done", "by": "somebody else"})
        self.assertEqual(said.status, 200, said.body)
        self.resume(name)
        self.reaches(name, "done")
        records = self.control("GET", "/audit?job=asked").json()["records"]
        self.assertEqual([each["data"]["by"] for each in records if each["data"].get("option") == "wait_until_done"],
                         ["ana (somebody else)"])
        self.assertEqual(self.stop(), 0)
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name not in ("holdfast.toml",):
                data = path.read_bytes()
                for secret in (*TOKENS.values(), "sk-of-the-provider", "a prompt that nobody keeps"):
                    self.assertNotIn(secret.encode(), data, path)


class RenewedTokens(Serving):
    configuration = Tokens.configuration

    def test_sighup_takes_a_token_away_from_the_control_api_as_from_the_proxy(self):
        config = self.folder / "holdfast.toml"
        new = "hf_new-0123456789abcdefghijklmnopqrstuv"
        hashed = {token: hashlib.sha256(token.encode()).hexdigest() for token in (TOKENS["root"], new)}
        feed = self.wire().ask("/holdfast/v1/events", headers={"Authorization": "Bearer " + TOKENS["root"]})
        self.assertEqual(feed.head()[0], 200)

        def admitted(token):
            return [self.get(path, {"Authorization": "Bearer " + token}).status not in (401, 403)
                    for path in ("/holdfast/v1/jobs", "/metrics", "/v1/models")]

        self.assertEqual((admitted(TOKENS["root"]), admitted(new)), ([True] * 3, [False] * 3))
        config.write_text(config.read_text().replace(hashed[TOKENS["root"]], hashed[new]))
        self.daemon.send_signal(signal.SIGHUP)
        until(lambda: admitted(new) == [True] * 3, "the new token")
        self.assertEqual(admitted(TOKENS["root"]), [False] * 3)
        self.assertEqual(admitted(TOKENS["reader"]), [True, True, False], "the others stay")
        feed.until(rb"\r\n0\r\n")  # who brought it hears no more
        config.write_text(config.read_text().replace(hashed[new], "no hash"))
        self.daemon.send_signal(signal.SIGHUP)
        until(lambda: "not read again" in (self.folder / "errors.txt").read_text(), "what is wrong with it")
        self.assertEqual(admitted(new), [True] * 3, "an error changes nothing")


if __name__ == "__main__":
    unittest.main(verbosity=2)
