// SPDX-License-Identifier: Apache-2.0
//! What a connection and its channels promise: opening, closing, errors and order.
#include <gmock/gmock.h>

#include "protocols/amqp091/amqp_protocol.hpp"
#include "protocols/amqp091/session_scene.hpp"

namespace fantail::amqp091 {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;

constexpr std::string_view guest{"\0guest\0guest", 12};

/// A scene with an open channel 1.
struct OpenScene : Scene {
    explicit OpenScene(AmqpOptions options = {}) : Scene(std::move(options)) { connect().open(1); }
};

// ------------------------------------------------------------------------------------------------ opening, closing

TEST(AmqpHandshake, RunsFromHeaderToOpenOk) {
    Scene s;
    s.raw(protocol_header).turn();
    EXPECT_THAT(s.said(), ElementsAre("0 connection.start"));
    s.send(0, ConnectionStartOk{.mechanism = "PLAIN", .response = guest, .locale = "en_US"}).turn();
    EXPECT_THAT(s.said(), ElementsAre("0 connection.tune channel_max=2047;frame_max=131072;heartbeat=60;"));
    s.send(0, ConnectionTuneOk{.channel_max = 10, .frame_max = 4096, .heartbeat = 0})
        .send(0, ConnectionOpen{.virtual_host = "/"})
        .turn();
    EXPECT_THAT(s.said(), ElementsAre("0 connection.open-ok reserved_1=;"));
    EXPECT_EQ(s.session.info().state, "running");
    EXPECT_EQ(s.session.info().user, "guest");
    ASSERT_THAT(s.broker.all_admin<broker::ConnectionOpened>(), SizeIs(1));
}

TEST(AmqpHandshake, AcceptsTheOldHeaderAndByteByByteInput) {
    Scene s;
    const std::uint8_t old_header[] = {'A', 'M', 'Q', 'P', 1, 1, 0, 9};
    for (const std::uint8_t b : old_header) s.raw({&b, 1}).turn();
    EXPECT_THAT(s.said(), ElementsAre("0 connection.start"));
}

TEST(AmqpHandshake, AnswersOtherVersionsWithItsOwnHeaderAndCloses) {
    Scene s;
    const std::uint8_t other[] = {'A', 'M', 'Q', 'P', 0, 9, 9, 9};
    s.raw(other).turn();
    EXPECT_THAT(s.said(), ElementsAre("AMQP"));
    EXPECT_TRUE(s.broker.closed);
}

TEST(AmqpHandshake, TellsCapableClientsOfABadLogin_403) {
    Scene s;
    record::FieldTableBuilder capabilities;
    capabilities.set_bool("authentication_failure_close", true);
    record::FieldTableBuilder client;
    client.set_table("capabilities", capabilities.view());
    s.raw(protocol_header)
        .send(0,
              ConnectionStartOk{
                  .client_properties = client.view().bytes(), .mechanism = "PLAIN", .response = "\0guest\0wrong"})
        .turn();
    EXPECT_THAT(s.said(),
                ElementsAre("0 connection.start",
                            HasSubstr("connection.close reply_code=403;reply_text=ACCESS_REFUSED - login refused")));
}

TEST(AmqpHandshake, DropsABadLoginOfOtherClientsAfterAWhile) {
    Scene s;
    s.raw(protocol_header)
        .send(0, ConnectionStartOk{.mechanism = "PLAIN", .response = std::string_view("\0guest\0wrong", 12)})
        .turn();
    EXPECT_THAT(s.said(), ElementsAre("0 connection.start"));
    EXPECT_FALSE(s.broker.closed);
    s.broker.time.mono = s.session.deadline();
    s.session.on_tick();
    EXPECT_TRUE(s.broker.closed);
}

TEST(AmqpHandshake, TellsACrowdThatLoginsAreTooMany_506) {
    Scene s;
    s.broker.login_error = Error{ErrorCode::unavailable, "too many logins are being checked"};
    s.raw(protocol_header).send(0, ConnectionStartOk{.mechanism = "PLAIN", .response = guest}).turn();
    EXPECT_THAT(s.said().back(), HasSubstr("connection.close reply_code=506;reply_text=RESOURCE_ERROR - too many"));
}

TEST(AmqpHandshake, WhatIsSentBehindTheLoginWaitsUntilItIsChecked) {
    Scene s;
    s.broker.answers = false;
    s.raw(protocol_header)
        .send(0, ConnectionStartOk{.mechanism = "PLAIN", .response = guest})
        .send(0, ConnectionTuneOk{.channel_max = 10, .frame_max = 4096, .heartbeat = 0})
        .turn();
    EXPECT_THAT(s.said(), ElementsAre("0 connection.start"));
    EXPECT_EQ(s.session.info().user, "") << "nobody yet";
    EXPECT_EQ(s.broker.logins, 1u);
    s.broker.answers = true;
    s.give(broker::LoginChecked{request_id(Purpose::login, 0, 1), {}}).turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("0 connection.tune ")));
    EXPECT_EQ(s.session.info().user, "guest");
    s.send(0, ConnectionOpen{.virtual_host = "/"}).turn();
    EXPECT_THAT(s.said(), ElementsAre("0 connection.open-ok reserved_1=;"));
}

TEST(AmqpHandshake, ALoginThatIsNotAnsweredInTimeEndsTheConnection) {
    Scene s;
    s.broker.answers = false;
    s.raw(protocol_header).send(0, ConnectionStartOk{.mechanism = "PLAIN", .response = guest}).turn();
    s.broker.time.mono = s.session.deadline();
    s.session.on_tick();
    EXPECT_TRUE(s.broker.closed);
}

TEST(AmqpHandshake, ACheckThatComesBehindAShutdownChangesNothing) {
    Scene s;
    s.broker.answers = false;
    s.raw(protocol_header).send(0, ConnectionStartOk{.mechanism = "PLAIN", .response = guest}).turn();
    s.give(broker::CloseRequested{"shutdown"}).turn();
    EXPECT_THAT(s.said().back(), HasSubstr("connection.close reply_code=320"));
    s.give(broker::LoginChecked{request_id(Purpose::login, 0, 1), {}}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
}

TEST(AmqpHandshake, RefusesAnUnknownMechanism_503) {
    Scene s;
    s.raw(protocol_header).send(0, ConnectionStartOk{.mechanism = "KERBEROS"}).turn();
    EXPECT_THAT(s.said().back(), HasSubstr("reply_code=503"));
}

TEST(AmqpHandshake, AcceptsAmqplain) {
    Scene s;
    record::FieldTableBuilder login;
    login.set_text("LOGIN", "guest");
    login.set_text("PASSWORD", "guest");
    s.raw(protocol_header)
        .send(0, ConnectionStartOk{.mechanism = "AMQPLAIN", .response = as_text(login.view().bytes())})
        .turn();
    EXPECT_THAT(s.said().back(), HasSubstr("connection.tune"));
}

TEST(AmqpHandshake, OffersExternalOnlyWithACertificateAndTakesItsName) {
    Scene plain;
    plain.raw(protocol_header).send(0, ConnectionStartOk{.mechanism = "EXTERNAL"}).turn();
    EXPECT_THAT(plain.said().back(), HasSubstr("reply_code=503"));
    Scene secure;
    secure.broker.peer_info.tls = true;
    secure.broker.peer_info.certificate_name = "guest";
    secure.raw(protocol_header).send(0, ConnectionStartOk{.mechanism = "EXTERNAL"}).turn();
    EXPECT_THAT(secure.said().back(), HasSubstr("connection.tune"));
}

TEST(AmqpHandshake, OffersAnonymousOnlyWhenConfigured) {
    Scene off;
    off.raw(protocol_header).send(0, ConnectionStartOk{.mechanism = "ANONYMOUS"}).turn();
    EXPECT_THAT(off.said().back(), HasSubstr("reply_code=503"));
    AmqpOptions options;
    options.mechanisms.emplace_back("ANONYMOUS");
    Scene on(options);
    on.raw(protocol_header).send(0, ConnectionStartOk{.mechanism = "ANONYMOUS"}).turn();
    EXPECT_THAT(on.said().back(), HasSubstr("connection.tune"));
}

TEST(AmqpHandshake, RefusesLimitsOutsideTheProposedOnes_530) {
    for (const ConnectionTuneOk& bad : {ConnectionTuneOk{.frame_max = 4095}, ConnectionTuneOk{.frame_max = 131073},
                                        ConnectionTuneOk{.channel_max = 2048}}) {
        Scene s;
        s.raw(protocol_header).send(0, ConnectionStartOk{.mechanism = "PLAIN", .response = guest}).send(0, bad).turn();
        EXPECT_THAT(s.said().back(), HasSubstr("reply_code=530;reply_text=NOT_ALLOWED - negotiated"));
    }
}

TEST(AmqpHandshake, RefusesUnknownAndForbiddenVhosts_530) {
    for (const bool denied : {false, true}) {
        Scene s;
        s.broker.topology.entry_denied = denied;
        s.raw(protocol_header)
            .send(0, ConnectionStartOk{.mechanism = "PLAIN", .response = guest})
            .send(0, ConnectionTuneOk{});
        s.send(0, ConnectionOpen{.virtual_host = denied ? "/" : "nowhere"}).turn();
        EXPECT_THAT(s.said().back(), denied ? HasSubstr("NOT_ALLOWED - access to vhost '/' refused for user 'guest'")
                                            : HasSubstr("NOT_ALLOWED - vhost nowhere not found"));
    }
}

TEST(AmqpHandshake, ReportsVhostLimits_530) {
    Scene s;
    s.broker.admin_error = Error{ErrorCode::not_allowed, "connection limit (1) is reached"};
    s.raw(protocol_header)
        .send(0, ConnectionStartOk{.mechanism = "PLAIN", .response = guest})
        .send(0, ConnectionTuneOk{})
        .send(0, ConnectionOpen{.virtual_host = "/"})
        .turn();
    EXPECT_THAT(s.said().back(), AllOf(HasSubstr("reply_code=530"), HasSubstr("connection limit (1) is reached")));
}

TEST(AmqpHandshake, KeepsWhatAClientSendsAheadOfOpenOk) {
    Scene s;
    s.broker.answers = false;
    s.raw(protocol_header)
        .send(0, ConnectionStartOk{.mechanism = "PLAIN", .response = guest})
        .send(0, ConnectionTuneOk{})
        .send(0, ConnectionOpen{.virtual_host = "/"});
    s.send(1, ChannelOpen{}).turn();
    s.give(broker::LoginChecked{request_id(Purpose::login, 0, 1), {}}).turn();
    s.send(2, ChannelOpen{}).turn();
    s.said();
    s.give(broker::AdminReply{.request = s.broker.admin.front().request}).turn();
    EXPECT_THAT(s.said(),
                ElementsAre(HasSubstr("open-ok"), StartsWith("1 channel.open-ok"), StartsWith("2 channel.open-ok")));
}

TEST(AmqpHandshake, EndsAfterItsTimeout) {
    Scene s;
    s.raw(protocol_header).turn();
    EXPECT_EQ(s.session.deadline(), s.broker.time.mono.plus_ms(10'000));
    s.broker.time.mono = s.session.deadline();
    s.session.on_tick();
    EXPECT_TRUE(s.broker.closed);
}

TEST(AmqpHandshake, RefusesFramesOver8192BytesBeforeLogin_501) {
    Scene s;
    s.raw(protocol_header).turn();
    const std::uint8_t large[] = {1, 0, 0, 0, 0, 0x20, 0};
    s.raw(large).turn();
    EXPECT_THAT(s.said().back(), HasSubstr("reply_code=501"));
}

TEST(AmqpConnection, WaitsWithCloseOkUntilExclusiveQueuesAreGone) {
    OpenScene s;
    s.broker.answers = false;
    s.send(0, ConnectionClose{.reply_code = 200}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
    ASSERT_THAT(s.broker.all_admin<broker::ConnectionClosed>(), SizeIs(1));
    s.give(broker::AdminReply{.request = s.broker.admin.back().request}).turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("0 connection.close-ok")));
    s.session.on_closed();
    EXPECT_THAT(s.broker.all_admin<broker::ConnectionClosed>(), SizeIs(1));
}

TEST(AmqpConnection, LeavesItToTheClientToHangUpAfterCloseOk) {
    OpenScene s;
    s.broker.topology.add_queue("q");
    s.send(0, ConnectionClose{.reply_code = 200}).publish(1, {.routing_key = "q"}, "behind the close").turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("0 connection.close-ok")));
    s.publish(1, {.routing_key = "q"}, "later still").send(0, ConnectionClose{.reply_code = 200}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
    EXPECT_THAT(s.unread, IsEmpty());
    EXPECT_THAT(s.broker.all<broker::Append>(), IsEmpty());
    EXPECT_FALSE(s.broker.closed) << "what is under way would be answered with a reset, which takes close-ok along";
    s.broker.time.mono = s.session.deadline();
    s.session.on_tick();
    EXPECT_TRUE(s.broker.closed);
}

TEST(AmqpConnection, DoesNotHoldUpAShutdownAfterCloseOk) {
    OpenScene s;
    s.send(0, ConnectionClose{.reply_code = 200}).turn();
    s.give(broker::CloseRequested{"shutdown"}).turn();
    EXPECT_TRUE(s.broker.closed);
}

TEST(AmqpConnection, GivesEverythingBackWhenTheSocketGoes) {
    OpenScene s;
    s.broker.topology.add_queue("q", 3);
    const ConsumerId consumer = s.consume(1, "q", "t");
    s.session.on_closed();
    const auto detached = s.broker.all<broker::Detach>();
    ASSERT_THAT(detached, SizeIs(1));
    EXPECT_LE(detached[0].first, consumer);
    EXPECT_GT(detached[0].end, consumer);
    EXPECT_EQ(s.broker.sent.back().shard, ShardId(3));
    EXPECT_THAT(s.broker.all_admin<broker::ConnectionClosed>(), SizeIs(1));
}

TEST(AmqpConnection, AnnouncesAnAdministratorsClose_320) {
    OpenScene s;
    s.give(broker::CloseRequested{"maintenance"}).turn();
    EXPECT_THAT(s.said(),
                ElementsAre(HasSubstr("connection.close reply_code=320;reply_text=CONNECTION_FORCED - maintenance")));
    s.send(1, BasicQos{}).send(0, ConnectionCloseOk{}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
    EXPECT_TRUE(s.broker.closed);
}

TEST(AmqpConnection, DropsAPeerThatDoesNotAnswerItsClose) {
    OpenScene s;
    s.give(broker::CloseRequested{"x"}).turn();
    s.broker.time.mono = s.session.deadline();
    s.session.on_tick();
    EXPECT_TRUE(s.broker.closed);
}

TEST(AmqpConnection, SendsHeartbeatsAndDropsASilentPeer) {
    OpenScene s;
    const MonoTime start = s.broker.time.mono;
    EXPECT_EQ(s.session.deadline(), start.plus_ms(30'000));
    s.broker.time.mono = start.plus_ms(30'000);
    s.session.on_tick();
    EXPECT_THAT(s.said(), ElementsAre("heartbeat"));
    s.broker.time.mono = start.plus_ms(119'999);
    s.session.on_tick();
    EXPECT_FALSE(s.broker.closed);
    s.broker.time.mono = start.plus_ms(120'000);
    s.session.on_tick();
    EXPECT_TRUE(s.broker.closed);
}

TEST(AmqpConnection, DoesNotCallAPeerSilentThatNobodyReadsFrom) {
    OpenScene s;
    const MonoTime start = s.broker.time.mono;
    s.broker.held = true;
    for (int interval = 1; interval <= 4; ++interval) {
        s.broker.time.mono = start.plus_ms(interval * 60'000);
        s.session.on_tick();
    }
    EXPECT_FALSE(s.broker.closed);
    s.broker.held = false;
    s.broker.time.mono = start.plus_ms(6 * 60'000);
    s.session.on_tick();
    EXPECT_TRUE(s.broker.closed) << "two intervals after the hold it is";
}

TEST(AmqpConnection, TellsPublishersThatTheyAreBlocked) {
    OpenScene s;
    s.publish(1, {.exchange = "amq.fanout"}, "x").turn();
    s.give(broker::Blocked{true, "low on disk"}).turn();
    EXPECT_THAT(s.said(), ElementsAre("0 connection.blocked reason=low on disk;"));
    EXPECT_FALSE(s.broker.held) << "it may go on with everything but publishing";
    s.give(broker::Blocked{false, ""}).turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("0 connection.unblocked")));
}

TEST(AmqpConnection, StopsBeforeAPublishWhileAnAlarmIsOn) {
    OpenScene s;
    s.broker.topology.add_queue("orders");
    s.give(broker::Blocked{true, "low on disk"}).turn();
    EXPECT_THAT(s.said(), IsEmpty()) << "it has not published";
    s.send(1, BasicQos{.prefetch_count = 1}).publish(1, {.routing_key = "orders"}, "x").send(1, BasicQos{}).turn();
    EXPECT_TRUE(s.broker.held);
    EXPECT_FALSE(s.unread.empty());
    EXPECT_THAT(s.said(),
                UnorderedElementsAre("0 connection.blocked reason=low on disk;", StartsWith("1 basic.qos-ok")));
    EXPECT_THAT(s.broker.all<broker::Append>(), IsEmpty());

    s.give(broker::Blocked{false, ""}).turn();
    EXPECT_FALSE(s.broker.held);
    EXPECT_TRUE(s.unread.empty());
    EXPECT_THAT(s.said(), UnorderedElementsAre(StartsWith("0 connection.unblocked"), StartsWith("1 basic.qos-ok")));
    EXPECT_THAT(s.broker.all<broker::Append>(), SizeIs(1));
}

TEST(AmqpConnection, AnswersUpdateSecret) {
    OpenScene s;
    s.send(0, ConnectionUpdateSecret{.new_secret = "new"}).turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("0 connection.update-secret-ok")));
}

// ------------------------------------------------------------------------------------------------ hard errors

TEST(AmqpErrors, HardOnesCloseTheConnectionWithTheirCode) {
    const auto code_of = [](auto&& script) {
        OpenScene s;
        s.broker.topology.add_queue("q");
        script(s);
        s.turn();
        const auto said = s.said();
        return said.empty() ? std::string() : said.back();
    };
    EXPECT_THAT(code_of([](Scene& s) { s.send(2, BasicQos{}); }),
                HasSubstr("reply_code=504;reply_text=CHANNEL_ERROR - expected 'channel.open'"));
    EXPECT_THAT(code_of([](Scene& s) { s.send(1, ChannelOpen{}); }), HasSubstr("reply_code=504"));
    EXPECT_THAT(code_of([](Scene& s) { s.send(2048, ChannelOpen{}); }), HasSubstr("reply_code=530"));
    EXPECT_THAT(code_of([](Scene& s) { s.send(1, ConnectionOpen{}); }), HasSubstr("reply_code=503"));
    EXPECT_THAT(code_of([](Scene& s) { s.send(1, BasicDeliver{}); }), HasSubstr("reply_code=503"));
    EXPECT_THAT(code_of([](Scene& s) { s.send(0, BasicQos{}); }), HasSubstr("reply_code=503"));
    EXPECT_THAT(code_of([](Scene& s) { s.send(0, ConnectionOpen{}); }), HasSubstr("reply_code=503"));
    EXPECT_THAT(code_of([](Scene& s) { s.send(1, BasicQos{.prefetch_size = 1}); }),
                HasSubstr("reply_code=540;reply_text=NOT_IMPLEMENTED - prefetch_size!=0 (1)"));
    EXPECT_THAT(code_of([](Scene& s) { s.send(1, BasicRecover{.requeue = false}); }), HasSubstr("reply_code=540"));
    EXPECT_THAT(code_of([](Scene& s) { s.send(1, BasicRecoverAsync{.requeue = false}); }), HasSubstr("reply_code=540"));
    EXPECT_THAT(code_of([](Scene& s) { s.send(1, ChannelFlow{.active = false}); }), HasSubstr("reply_code=540"));
    EXPECT_THAT(code_of([](Scene& s) { s.publish(1, {.immediate = true}, "x"); }),
                HasSubstr("reply_code=540;reply_text=NOT_IMPLEMENTED - immediate=true"));
    EXPECT_THAT(
        code_of([](Scene& s) { s.send(1, ExchangeDeclare{.exchange = "e", .type = "x-nothing"}); }),
        HasSubstr("1 channel.close reply_code=406;reply_text=PRECONDITION_FAILED - unknown exchange type 'x-nothing'"));
    EXPECT_THAT(code_of([](Scene& s) {
                    s.send(1, BasicConsume{.queue = "q", .consumer_tag = "t"})
                        .send(1, BasicConsume{.queue = "q", .consumer_tag = "t"});
                }),
                HasSubstr("reply_code=530;reply_text=NOT_ALLOWED - attempt to reuse consumer tag 't'"));
}

TEST(AmqpErrors, NamesTheMethodAtFault) {
    OpenScene s;
    s.send(1, BasicQos{.prefetch_size = 9}).turn();
    EXPECT_THAT(s.said().back(), HasSubstr("class_id=60;method_id=10;"));
}

TEST(AmqpErrors, BadFramesAre501AndMisplacedOnes505) {
    const auto said_after = [](ByteView frame) {
        OpenScene s;
        s.raw(frame).turn();
        return s.said().back();
    };
    const std::uint8_t unknown_type[] = {7, 0, 1, 0, 0, 0, 0, 0xCE};
    const std::uint8_t wrong_end[] = {1, 0, 1, 0, 0, 0, 0, 0xCD};
    const std::uint8_t body[] = {3, 0, 1, 0, 0, 0, 1, 'x', 0xCE};
    const std::uint8_t header_on_zero[] = {3, 0, 0, 0, 0, 0, 1, 'x', 0xCE};
    const std::uint8_t heartbeat_on_channel[] = {8, 0, 1, 0, 0, 0, 0, 0xCE};
    const std::uint8_t no_such_method[] = {1, 0, 1, 0, 0, 0, 4, 0, 60, 0, 99, 0xCE};
    const std::uint8_t short_method[] = {1, 0, 1, 0, 0, 0, 4, 0, 60, 0, 10, 0xCE};
    EXPECT_THAT(said_after(unknown_type), HasSubstr("reply_code=501"));
    EXPECT_THAT(said_after(wrong_end), HasSubstr("reply_code=501"));
    EXPECT_THAT(said_after(body), HasSubstr("reply_code=505"));
    EXPECT_THAT(said_after(header_on_zero), HasSubstr("reply_code=505"));
    EXPECT_THAT(said_after(heartbeat_on_channel), HasSubstr("reply_code=505"));
    EXPECT_THAT(said_after(no_such_method), HasSubstr("reply_code=503"));
    EXPECT_THAT(said_after(short_method), HasSubstr("reply_code=502"));
}

TEST(AmqpErrors, AMethodInsideAContentIs505) {
    OpenScene s;
    s.send(1, BasicPublish{}).send(1, BasicQos{}).turn();
    EXPECT_THAT(s.said().back(), HasSubstr("reply_code=505"));
}

// ------------------------------------------------------------------------------------------------ channels

TEST(AmqpChannel, IgnoresEverythingWhileClosingAndCanBeOpenedAgain) {
    OpenScene s;
    s.send(1, BasicAck{.delivery_tag = 5}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("channel.close reply_code=406;reply_text=PRECONDITION_FAILED - unknown "
                                                "delivery tag 5;class_id=60;method_id=80;")));
    s.send(1, BasicQos{}).publish(1, {}, "x").turn();
    EXPECT_THAT(s.said(), IsEmpty());
    s.send(1, ChannelCloseOk{}).send(1, ChannelOpen{}).turn();
    EXPECT_THAT(s.said(), ElementsAre(StartsWith("1 channel.open-ok")));
}

TEST(AmqpChannel, AnswersCloseAndFlowAndAccessRequest) {
    OpenScene s;
    s.send(1, ChannelFlow{.active = true})
        .send(1, AccessRequest{.realm = "/data"})
        .send(1, ChannelClose{.reply_code = 200})
        .turn();
    EXPECT_THAT(s.said(), ElementsAre("1 channel.flow-ok active=1;", "1 access.request-ok ticket=1;",
                                      StartsWith("1 channel.close-ok")));
    EXPECT_EQ(s.session.info().channels, 0u);
}

TEST(AmqpChannel, QueuesWhatFollowsAPendingMethodAndKeepsOrder) {
    OpenScene s;
    s.broker.answers = false;
    s.send(1, QueueDeclare{.queue = "q"}).publish(1, {.routing_key = "q"}, "late").send(1, BasicQos{}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
    s.broker.topology.add_queue("q");
    s.broker.answers = true;
    s.give(broker::AdminReply{.request = s.broker.admin.back().request, .name = "q"}).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("queue.declare-ok queue=q;"), StartsWith("1 basic.qos-ok")));
    EXPECT_THAT(s.broker.all<broker::Append>(), SizeIs(1));
}

TEST(AmqpChannel, SendsPipelinedTopologyOnAtOnceAndRepliesInOrder) {
    OpenScene s;
    s.broker.answers = false;
    s.send(1, ExchangeDeclare{.exchange = "e", .type = "topic"})
        .send(1, QueueDeclare{.queue = "q"})
        .send(1, QueueBind{.queue = "q", .exchange = "e"})
        .turn();
    const auto& admin = s.broker.admin;
    ASSERT_THAT(admin, SizeIs(4));  // with the connection's own
    s.give(broker::AdminReply{.request = admin[3].request}).turn();
    EXPECT_THAT(s.said(), IsEmpty());
    s.give(broker::AdminReply{.request = admin[1].request})
        .give(broker::AdminReply{.request = admin[2].request, .name = "q"})
        .turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("exchange.declare-ok"), HasSubstr("queue.declare-ok"),
                                      HasSubstr("queue.bind-ok")));
}

TEST(AmqpChannel, SurvivesAPipelinedCloseAndReopenBehindAPendingMethod) {
    OpenScene s;
    s.send(1, QueueDeclare{.queue = "q"}).send(1, ChannelClose{}).send(1, ChannelOpen{}).send(1, BasicQos{}).turn();
    EXPECT_THAT(s.said(),
                ElementsAre(HasSubstr("declare-ok"), HasSubstr("close-ok"), HasSubstr("open-ok"), HasSubstr("qos-ok")));
}

TEST(AmqpChannel, BoundsWhatItQueues_506) {
    OpenScene s;
    s.broker.answers = false;
    s.send(1, QueueDeclare{.queue = "q"}).turn();
    const std::string body(100'000, 'x');
    for (int i = 0; i < 400; ++i) s.publish(1, {.routing_key = "q"}, body).turn();
    EXPECT_THAT(s.said(), ElementsAre(HasSubstr("reply_code=506")));
}

// ------------------------------------------------------------------------------------------------ protocol object

TEST(AmqpProtocol, RecognisesItself) {
    const auto protocol = make_protocol({});
    using Sniff = protocols::Protocol::Sniff;
    EXPECT_EQ(protocol.sniff(protocol_header), Sniff::yes);
    EXPECT_EQ(protocol.sniff(as_bytes("AMQ")), Sniff::maybe);
    EXPECT_EQ(protocol.sniff(as_bytes("GET / HTTP/1.1")), Sniff::no);
    FakeBroker broker;
    EXPECT_EQ(protocol.open(broker)->info().state, "starting");
}

}  // namespace
}  // namespace fantail::amqp091
